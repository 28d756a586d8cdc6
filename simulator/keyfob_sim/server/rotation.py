"""What happens to a refresh token when it is used (RFC 6749 section 6, RFC 9700 section 4.14).

A mode is a row here; nothing else in the server decides about rotation. With grace a retired
token answers with yet another new refresh token, as most servers that grant it do, and the
earlier one goes on working: so a client survives the loss of a reply.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Rotation:
    """One mode of rotation."""

    rotates: bool  # a refresh answers with a new refresh token, and the old one is retired
    has_grace: bool = False  # a retired token still works for the seconds that `grace` says
    revokes_family: bool = False  # a retired token used again ends the whole link


ROTATIONS = {
    "off": Rotation(rotates=False),
    "strict": Rotation(rotates=True),
    "family": Rotation(rotates=True, revokes_family=True),
    "grace": Rotation(rotates=True, has_grace=True, revokes_family=True),
}
