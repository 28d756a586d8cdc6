"""Inside the MicroPython VM: a line has a target and its input in hex, the answer its outcome."""

import binascii
import sys

import targets

for line in sys.stdin:
    name, data = line.split(" ")
    try:
        print(targets.run(name, binascii.unhexlify(data.strip())))
    except Exception as error:  # noqa: BLE001 - the other side fails for it
        print("! " + repr(error).replace("\n", " "))
