"""The store: a service's rows, outbox, intents and lease in one Postgres schema of its own (design.md §4).

Read in this order: `tables` (the shape), `postgres_store` (the port `reactor.ports.Store`), `commit` (one
batch as one SQL statement), `engine` and `faults` (connections, and what their errors mean),
`revisions` and `migrate`.
"""
