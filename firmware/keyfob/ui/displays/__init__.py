"""Where it is seen."""
