"""A board at a serial port: finding it, talking to it, putting files on it."""
