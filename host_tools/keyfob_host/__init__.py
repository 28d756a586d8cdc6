"""Host tools of keyfob: the `keyfob` command."""

__version__ = "0.1.0"
