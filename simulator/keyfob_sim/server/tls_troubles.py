"""What of a server's TLS a board may refuse, each to be staged by `--chain NAME`."""

from __future__ import annotations

import datetime
import ssl
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .certificates import IssuedCertificate

_ELSEWHERE = "elsewhere.keyfob.example.com"
_ANYTHING = "ALL:@SECLEVEL=0"  # ciphers and keys: a server may be as weak as it likes
_V1_1, _V1_2, _V1_3 = ssl.TLSVersion.TLSv1_1, ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3


@dataclass(frozen=True)
class Trouble:
    """A server with one thing that differs from what every client takes.

    `days` are when its certificate's life begins and ends, from now, and `root_days` the root's.
    `vouched` says who has issued it: `root`, `authority` (below the root), `two` (the lower one of
    two authorities), or `itself`. `path_length` is the authority's, the upper one's of two.
    """

    leaf: str = "P-256"
    root: str = "P-256"
    days: tuple[int, int] = (-1, 30)
    root_days: tuple[int, int] = (-1, 3650)
    vouched: str = "root"
    hosts: tuple[str, ...] = ()  # in the certificate instead of the server's own
    by_common_name: bool = False  # it names its host nowhere else
    for_clients: bool = False
    digest: str = "SHA256"
    has_pss: bool = False
    is_known: bool = True  # whether who trusts the server's CA trusts the one that issued it
    is_ca: bool = True  # whether the authority's certificate says so
    path_length: int | None = 0
    # What is sent after the certificate: nothing, authority, root (besides), turned (upper first)
    sent: str = "authority"
    oldest: ssl.TLSVersion = _V1_2
    newest: ssl.TLSVersion = _V1_3
    ciphers: str = _ANYTHING
    curve: str | None = None
    is_mutual: bool = False  # it wants a certificate of its client's


_UNKNOWN = Trouble(vouched="authority", is_known=False)

TROUBLES: dict[str, Trouble] = {
    # Versions, ciphers, curves
    "tls1.3": Trouble(oldest=_V1_3),
    "tls1.1": Trouble(oldest=_V1_1, newest=_V1_1),
    "chacha20": Trouble(newest=_V1_2, ciphers="ECDHE-ECDSA-CHACHA20-POLY1305"),
    "ccm": Trouble(newest=_V1_2, ciphers="ECDHE-ECDSA-AES128-CCM"),
    "dhe": Trouble("RSA-2048", "RSA-2048", newest=_V1_2, ciphers="DHE-RSA-AES128-GCM-SHA256"),
    "x25519": Trouble(newest=_V1_2, curve="X25519"),
    "p521-exchange": Trouble(newest=_V1_2, curve="secp521r1"),  # which a board takes
    "mutual": Trouble(newest=_V1_2, is_mutual=True),
    # Keys and signatures
    "p224": Trouble("P-224"),
    "p521": Trouble("P-521"),  # which a board takes
    "secp256k1": Trouble("secp256k1"),
    "brainpool": Trouble("brainpoolP256r1"),
    "ed25519": Trouble("Ed25519"),
    "rsa1024": Trouble("RSA-1024"),
    "sha224": Trouble(digest="SHA224"),
    "sha512": Trouble(digest="SHA512"),  # which a board takes
    "rsa-pss": Trouble("RSA-2048", "RSA-2048", has_pss=True),
    # Who vouches
    "unknown-root": _UNKNOWN,
    "root-sent": Trouble(vouched="authority", is_known=False, sent="root"),
    "no-intermediate": Trouble(vouched="authority", sent="nothing"),
    "self-signed": Trouble(vouched="itself"),
    "no-ca": Trouble(vouched="authority", is_ca=False),
    "path-length": Trouble(vouched="two"),
    "wrong-order": Trouble(vouched="two", path_length=None, sent="turned"),
    "two-authorities": Trouble(vouched="two", path_length=1),  # which a board takes
    # Names, dates, purposes
    "other-host": Trouble(hosts=(_ELSEWHERE,)),
    "common-name": Trouble(by_common_name=True),  # which a board takes
    "expired": Trouble(days=(-30, -1)),
    "not-yet-valid": Trouble(days=(1, 30)),
    "expired-root": Trouble(root_days=(-30, -1)),
    "for-clients": Trouble(for_clients=True),
}


def make_troubled(
    name: str, hosts: Sequence[str], directory: Path
) -> tuple[Path, IssuedCertificate]:
    """Make the CA and the certificate of `TROUBLES[name]`, as `chains.make_chain` does."""
    from .certificates import make_ca  # slow to import, and only https needs it

    about = TROUBLES[name]
    root = make_ca(directory / "issuer", "keyfob test root", about.root, _life(about.root_days))
    told = root if about.is_known else make_ca(directory / "known", "keyfob known root")
    issuer = root
    if about.vouched in ("authority", "two"):
        issuer = root.authority_below(
            "keyfob test authority", "P-256", about.path_length, is_ca=about.is_ca
        )
    if about.vouched == "two":
        issuer = issuer.authority_below("keyfob test authority below", "P-256")
    if about.sent == "nothing":
        issuer = issuer.sending()
    elif about.sent == "turned":
        issuer = issuer.sending(*reversed(issuer.sent))
    elif about.sent == "root":
        issuer = issuer.sending(*issuer.sent, root.certificate)
    return told.cert_path, issuer.issue(
        about.hosts or hosts,
        directory,
        *_life(about.days),
        kind=about.leaf,
        digest=about.digest,
        has_pss=about.has_pss,
        by_common_name=about.by_common_name,
        for_clients=about.for_clients,
        by_itself=about.vouched == "itself",
    )


def trouble(context: ssl.SSLContext, name: str) -> None:
    """Have a server's TLS be as `TROUBLES[name]` says."""
    about = TROUBLES[name]
    context.set_ciphers(about.ciphers)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of versions that are meant to be old
        context.minimum_version, context.maximum_version = about.oldest, about.newest
    if about.curve is not None:
        context.set_ecdh_curve(about.curve)
    if about.is_mutual:
        context.verify_mode = ssl.CERT_REQUIRED


def _life(days: tuple[int, int]) -> tuple[datetime.datetime, datetime.datetime]:
    now = datetime.datetime.now(datetime.timezone.utc)
    start, end = (now + datetime.timedelta(days=day) for day in days)
    return start, end
