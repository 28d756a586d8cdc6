"""The access token at an API (RFC 6750)."""


def sign(headers, token):
    """Return a copy of `headers` with `token` as the only Authorization (section 2.1)."""
    signed = {name: headers[name] for name in headers if name.lower() != "authorization"}
    signed["Authorization"] = "Bearer " + token
    return signed


def blames_token(status, challenge):
    """Whether a reply rejects the token (section 3.1).

    `challenge` is the WWW-Authenticate header or "". A 401 rejects it, unless its error blames
    the scope or the request; no other status does.
    """
    if status != 401:
        return False
    for part in challenge.split(","):
        name, _, value = part.partition("=")
        if name.strip().lower().split(" ")[-1] == "error":  # `Bearer error=` comes first
            return value.strip().strip('"') not in ("insufficient_scope", "invalid_request")
    return True
