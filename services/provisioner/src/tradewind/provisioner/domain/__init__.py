"""The rules of infras, clusters and nodes: pure functions over frozen values."""
