"""The `micropython` runtime: the firmware in the real MicroPython VM, on a virtual board."""
