"""What `keyfob devices` says of a board, without what would take memory or join the network."""

import json
import os

told = {"machine": os.uname().machine, "micropython": os.uname().release, "board": None}
told["keyfob"] = None
told["linked"] = False
try:
    with open("/board.json") as file:
        told["board"] = json.load(file).get("name")
except Exception:  # noqa: S110
    pass  # there is none, or something else of any size
try:
    import keyfob

    told["keyfob"] = keyfob.__version__
    from keyfob.storage.open_store import open_store

    tokens = (open_store().load() or {}).get("tokens")
    told["linked"] = bool(tokens) and not tokens.get("signed_out")  # else the provider ended it
except Exception:  # noqa: S110
    pass  # not there, of another version, or a store that is damaged
print(json.dumps(told))
