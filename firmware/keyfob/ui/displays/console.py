"""A display that every board has: the serial console."""


class Console:
    """Shows a screen as lines of text, through `write(line)` or as they are printed."""

    def __init__(self, write=None):
        self._write = write or print

    def show(self, lines):
        """Show one screen below the last one."""
        for line in lines:
            self._write(line)
