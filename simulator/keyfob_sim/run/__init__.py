"""One run of `keyfob sim`: its options, files on the board, events, faults, goal and state."""
