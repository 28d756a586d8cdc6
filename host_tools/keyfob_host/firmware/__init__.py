"""The firmware as the tools handle it: compiled, shortened, and read back in tracebacks."""
