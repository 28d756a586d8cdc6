"""Remove each of PATHS, folders with all that is in them."""

import os


def remove(path):
    try:
        kind = os.stat(path)[0]
    except OSError:
        return
    if kind & 0x4000:
        for entry in os.ilistdir(path):
            remove(path + "/" + entry[0])
        os.rmdir(path)
    else:
        os.remove(path)


for path in PATHS:
    remove(path)
