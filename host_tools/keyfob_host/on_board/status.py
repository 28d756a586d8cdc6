"""How the link stands, without a network: what /keyfob.json and the store say.

A link that is there and of no use has an `end`: the provider has `ended` it, or it has `run_out`.
"""

import json

found = {"linked": False, "account": None, "scope": None, "provider": None, "board": None}
try:
    from keyfob.config import load
    from keyfob.errors import KeyfobError
    from keyfob.link.account import Account
    from keyfob.net.clock import Clock
    from keyfob.storage.open_store import open_store

    try:
        config = load()
        profile = config.profile
        found["provider"] = profile.issuer or profile.token_endpoint
        found["board"] = config.board
        account = Account([profile.identity, config.client.client_id], open_store())
        account.load()
        clock = Clock()
        found["linked"] = account.is_usable(clock.ticks(), clock.unix())
        found["account"] = account.name
        tokens = account.tokens
        found["scope"] = tokens.scope if tokens else None
        if tokens and not found["linked"]:
            found["end"] = "ended" if tokens.is_dead else "run_out"
    except KeyfobError as error:
        found["trouble"] = [error.message, error.hint or "keyfob doctor"]
except ImportError:
    found["trouble"] = ["keyfob is not on the board", "keyfob install"]
print(json.dumps(found))
