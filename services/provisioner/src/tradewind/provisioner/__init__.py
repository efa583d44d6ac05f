"""Owns clusters and nodes: when to launch, drain, stop and terminate."""
