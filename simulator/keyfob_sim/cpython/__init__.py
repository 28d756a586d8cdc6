"""The `cpython` runtime: the firmware's files run in this process, on a virtual board."""
