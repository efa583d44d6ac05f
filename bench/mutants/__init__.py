"""Bugs planted on purpose, and how many seeds of the simulator it takes until a promise catches each."""
