"""Whether a file can be written and read back: null, or the number of the error."""

import json
import os

trouble = None
path = "/keyfob-test.tmp"
try:
    try:
        with open(path, "wb") as file:
            for _ in range(8):
                file.write(b"keyfob" * 85)
        with open(path, "rb") as file:
            if file.read(6) != b"keyfob":
                trouble = 5
    finally:
        try:
            os.remove(path)
        except OSError:
            pass
except OSError as error:
    trouble = error.args[0]
print(json.dumps(trouble))
