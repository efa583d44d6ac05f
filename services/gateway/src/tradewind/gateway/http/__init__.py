"""HTTP, version 1. `api` puts the routes together; the README lists them."""
