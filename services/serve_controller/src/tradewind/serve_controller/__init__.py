"""Owns services: how many replicas, where, and which version."""
