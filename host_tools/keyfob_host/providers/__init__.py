"""Providers: presets, what a check of one finds, and the root certificates they use."""
