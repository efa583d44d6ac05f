"""One on each node: runs processes, ships logs, measures, and says what it sees."""

__version__ = "0.1.0"
