"""Writing MicroPython to a chip."""
