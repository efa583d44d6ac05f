"""The revisions of the gateway's schema, in `versions`."""
