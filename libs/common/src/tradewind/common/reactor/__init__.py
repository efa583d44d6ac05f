"""The reactor: inputs in one order, pure decisions, one transaction a batch (design.md §1, §4).

Read in this order: `wiring` (a service as a table of reactions), `decision`, `fold` (the pure step),
`leader` (the
async shell around it), `ports` (what the shell needs of a store and a bus).
"""
