"""What a mock authorization server is started with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from keyfob_host.errors import UsageError

from .chains import CHAINS, DEFAULT_CHAIN
from .personality import PLAIN, known_personalities
from .tls_troubles import TROUBLES

APPROVE_MODES = (None, "auto", "deny")


@dataclass(frozen=True)
class ServerOptions:
    """How and where one server runs.

    Raises UsageError for a personality, a chain, an approval mode or a port that does not exist.
    """

    host: str = "127.0.0.1"  # address or name to bind
    port: int = 0  # 0 picks a free one, or the one that `state` remembers
    https: bool = False  # serve under a CA made for this run
    chain: str = DEFAULT_CHAIN  # which certificates or trouble, see chains.py and tls_troubles.py
    personality: str = PLAIN  # whose dialect to use
    config: Path | None = None  # TOML, see config.py
    rotation: str | None = None  # what `config` leaves out; None is strict
    state: Path | None = None  # JSON that a later run continues from
    approve: str | None = None  # None, "auto" or "deny": act after the first pending answer
    ca_dir: Path | None = None  # where `https` puts its CA; None is a temporary folder

    def __post_init__(self) -> None:
        known = known_personalities()
        if self.personality not in known:
            raise UsageError(
                f"there is no personality {self.personality!r}",
                f"use one of: {', '.join(known)}",
            )
        if self.chain not in (*CHAINS, *TROUBLES):
            raise UsageError(
                f"there is no chain {self.chain!r}",
                f"use one of: {', '.join((*CHAINS, *TROUBLES))}",
            )
        if self.approve not in APPROVE_MODES:
            raise UsageError(f"there is no approval mode {self.approve!r}", "use auto or deny")
        if not 0 <= self.port <= 65535:
            raise UsageError(f"{self.port} is not a port", "use 1 to 65535, or 0 for a free one")
