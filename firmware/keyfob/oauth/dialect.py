"""Rare differences between providers, as the fields of `Profile.dialect` describe them.

Loaded only where a profile has one.
"""


def spelled(params, dialect):
    """Return (name, value) pairs by the provider's names."""
    params = [(dialect.get(name + "_param", name), value) for name, value in params]
    separator = dialect["scope_sep"]
    scope = dialect["scope_param"]
    if separator == "array":
        params = [(n, v.split() if n == scope and v else v) for n, v in params]
    elif separator != " ":
        params = [(n, v.replace(" ", separator) if n == scope and v else v) for n, v in params]
    return params


def in_rfc_names(values, dialect, aliases):
    """The members of a reply by their standard names; `aliases` names the field that maps them."""
    found = dict(values)
    aliases = dialect[aliases]
    for alias in aliases:
        value = _find(values, alias)
        if value is not None:
            found[aliases[alias]] = value
    if found.get("token_type") is None:
        found["token_type"] = dialect["default_token_type"]
    scope = found.get("scope")
    if isinstance(scope, str) and dialect["scope_sep"] != "array":
        found["scope"] = scope.replace(dialect["scope_sep"], " ")
    return found


def error_at(values, status, profile, known):
    """The error in the first member of `error_paths` that has one, or None.

    In a successful reply only a `known` error counts: a `message` may be any text.
    """
    for path in profile.dialect["error_paths"]:
        code = _find(values, path)
        if isinstance(code, (str, int)) and not isinstance(code, bool) and code != "":
            code = str(code)
            if status >= 300 or code in known or code in profile.pending_map:
                return code
    return None


def _find(values, path):
    """The member at `path`: `a.b` is b within the object a. None where it is not there."""
    for name in path.split("."):
        if not isinstance(values, dict):
            return None
        values = values.get(name)
    return values
