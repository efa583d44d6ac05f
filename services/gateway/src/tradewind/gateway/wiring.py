"""Everything that the gateway is: what it hears, and who answers."""

SERVICE = "gateway"

HEARS = {"EVENTS": ("evt.>",)}
"""By stream. The gateway keeps a copy of what others own, so it folds events by no `Wiring`: see `projector`.
"""

FETCHES = "said.*.fetch"
"""Requests of agents, which no stream keeps: see `fetching`."""
