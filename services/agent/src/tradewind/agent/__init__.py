"""One on each node: measures, runs processes, ships logs, and says what it sees."""
