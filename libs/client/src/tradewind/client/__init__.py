"""The Python SDK and the `tw` command line."""
