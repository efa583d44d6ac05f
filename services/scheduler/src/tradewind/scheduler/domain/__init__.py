"""Who goes next, onto which nodes, and what to ask for: pure functions over frozen values."""
