"""The certificate chains that the mock server can show, as real ones are: by keys and sizes.

What a board needs for a handshake depends on them: see `hardware/chip_memory.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .certificates import IssuedCertificate


@dataclass(frozen=True)
class _Chain:
    """Kinds of the three keys, the root's cross-signer's, and how many names the leaf has."""

    leaf: str
    intermediate: str
    root: str
    cross: str | None = None
    names: int = 0


CHAINS = {
    "ec": _Chain("P-256", "P-256", "P-384"),
    "rsa2048": _Chain("RSA-2048", "RSA-2048", "RSA-2048"),
    "rsa4096": _Chain("RSA-2048", "RSA-2048", "RSA-4096"),
    # 4.5 KB: with a certificate of the root itself, under an older root.
    "long": _Chain("RSA-2048", "RSA-2048", "RSA-4096", cross="RSA-4096", names=32),
}
DEFAULT_CHAIN = "long"  # which needs most of a board's RAM


def make_chain(name: str, hosts: Sequence[str], directory: Path) -> tuple[Path, IssuedCertificate]:
    """Make a root and a server's certificate for `hosts`; return the root's PEM, and that.

    Raises OSError.
    """
    from .certificates import make_ca  # slow to import, and only https needs it

    about = CHAINS[name]
    root = make_ca(directory, "keyfob test root", about.root)
    if about.cross is not None:
        root = root.cross_signed("keyfob test root of yesterday", about.cross)
    others = [f"host-{number:02}.keyfob.example.com" for number in range(len(hosts), about.names)]
    below = root.authority_below("keyfob test authority", about.intermediate)
    return root.cert_path, below.issue([*hosts, *others], directory, kind=about.leaf)
