"""What the board is: versions, architecture, room on its flash (bytes), what it has of keyfob."""

import json
import os
import sys

try:
    about = os.uname().machine
except AttributeError:
    about = sys.implementation._machine
try:
    block, _, blocks, free_blocks = os.statvfs("/")[:4]
    # littlefs counts what several entries share once for each, and may find less than nothing.
    size, free = block * blocks, block * (free_blocks if free_blocks <= blocks else 0)
except OSError:
    size = free = block = 0
try:
    from keyfob import __version__ as keyfob
except (ImportError, AttributeError, SyntaxError, ValueError):  # none, or a broken one
    keyfob = None
sys.modules.pop("keyfob", None)  # an install may be about to change it
print(
    json.dumps(
        {
            "name": sys.implementation.name,
            "version": list(sys.implementation.version)[:3],
            "mpy": getattr(sys.implementation, "_mpy", 0),
            "machine": about,
            "size": size,
            "free": free,
            "block": block,
            "keyfob": keyfob,
            "configured": "keyfob.json" in os.listdir("/"),
        }
    )
)
