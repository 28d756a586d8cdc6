"""What happens to a refresh token when it is used (RFC 6749 section 6, RFC 9700 section 4.14).

A mode is a row here; nothing else in the server decides about rotation.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Rotation:
    """One mode of rotation."""

    rotates: bool  # a refresh answers with a new refresh token, and the old one is retired
    grace: float = 0.0  # seconds during which a retired token still works
    revokes_family: bool = False  # a retired token used again ends the whole link


ROTATIONS = {
    "off": Rotation(rotates=False),
    "strict": Rotation(rotates=True),
    "family": Rotation(rotates=True, revokes_family=True),
    "grace": Rotation(rotates=True, grace=60.0, revokes_family=True),
}
