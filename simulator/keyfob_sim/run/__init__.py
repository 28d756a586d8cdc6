"""One run of `keyfob sim`: its options, state, goal, scenario and report."""
