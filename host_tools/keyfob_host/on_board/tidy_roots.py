"""Remove the files in FOLDER that /keyfob.json does not name."""

import json
import os

with open("/keyfob.json") as file:
    named = json.load(file).get("ca") or ()
for entry in list(os.ilistdir(FOLDER)):
    path = FOLDER + "/" + entry[0]
    if path not in named:
        os.remove(path)
