"""The rules of jobs and workflows: pure functions over frozen values."""
