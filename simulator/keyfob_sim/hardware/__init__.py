"""The parts of a virtual board that its bus, flash and antenna lead to."""
