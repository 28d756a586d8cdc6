"""The `cpython` runtime: the firmware's own files in this process, on a pretended board."""
