"""Owns claims, allocations and the ledger of node capacity: who runs next, and where."""
