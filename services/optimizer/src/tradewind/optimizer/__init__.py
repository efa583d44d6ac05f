"""Owns placements: which offers may serve a claim, and in what order."""
