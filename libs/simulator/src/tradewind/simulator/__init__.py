"""The whole control plane in virtual time, over an in-memory bus and store, under faults."""
