"""The simulator of keyfob: virtual boards and the mock authorization server."""
