# Freezes keyfob into MicroPython for this board; boards/README.md has the command.

# ruff: noqa: F821 - the names are those of MicroPython's manifest language

include("$(PORT_DIR)/boards/manifest.py")
include("../../firmware/manifest.py")
