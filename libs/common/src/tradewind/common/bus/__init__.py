"""NATS: streams and durable consumers, the reactor's bus over them, and the edges for single messages.

Read in this order: `streams` and `topology` (what exists on the server), `nats_bus` (the reactor's bus, with
`intake` and `publisher`), `asking` and `edges` (one question, one answer), `dead_letters`, `retention`.
`asyncapi` describes all of it for outsiders.
"""
