"""Owns workflows and jobs: start, retry, recover, finish."""
