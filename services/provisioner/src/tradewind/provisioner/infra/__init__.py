"""Drivers: one file for each infra, behind the protocol in `driver`."""
