"""The edge: HTTP, event streams and read models; owns users, specs, secrets and blobs."""
