"""The serial console as a display."""


class Console:
    """Shows a screen as lines of text, through `write(line)` or `print`."""

    def __init__(self, write=None):
        self._write = write or print

    def show(self, lines):
        """Show one screen after the last one."""
        for line in lines:
            self._write(line)
