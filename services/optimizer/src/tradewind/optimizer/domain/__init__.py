"""Which offers, in what order: pure functions over frozen values."""
