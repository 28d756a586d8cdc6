"""Make FOLDERS, and copy the files of COPIES (from, to) that are on the board already.

Where it MOVES them they take no room.
"""

import os

for folder in FOLDERS:
    try:
        os.mkdir(folder)
    except OSError:
        pass  # it is there
piece = memoryview(bytearray(512))
for source, target in COPIES:
    if MOVES:
        os.rename(source, target)
        continue
    with open(source, "rb") as old, open(target, "wb") as new:
        size = old.readinto(piece)
        while size:
            new.write(piece[:size])
            size = old.readinto(piece)
