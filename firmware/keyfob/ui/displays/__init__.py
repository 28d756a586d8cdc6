"""Displays: each draws like `framebuf.FrameBuffer`, has `width` and `height`, and `show()`."""
