"""Install and run oidc-provider (oidc_provider/server.mjs), and read what it noted."""

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent / "oidc_provider"
INSTALL_SECONDS = 120
# What oidc-provider 9 calls and node 18 lacks.
_PROBE = "process.exit(URL.parse && require('node:crypto').hash ? 0 : 1)"


class NotHere(Exception):
    """Why the server cannot be run on this machine."""


@dataclass(frozen=True)
class Client:
    client_id: str
    client_auth: str
    client_secret: str | None = None


@dataclass(frozen=True)
class Listener:
    """One issuer: https with a certificate, else http; `host` is how its URL names 127.0.0.1."""

    host: str = "127.0.0.1"
    path: str = ""
    cert: str | None = None
    key: str | None = None
    device_flow: bool = True
    code_seconds: int = 86400


def install() -> None:
    """`npm ci` where the lock file asks for it. Raises NotHere without node, npm or registry."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        raise NotHere("node and npm are not installed")
    if subprocess.run([node, "-e", _PROBE], check=False).returncode:
        raise NotHere("node is too old for oidc-provider: install node 22")
    stamp = FOLDER / "node_modules" / ".keyfob-lock"
    wanted = hashlib.sha256((FOLDER / "package-lock.json").read_bytes()).hexdigest()
    if stamp.exists() and stamp.read_text() == wanted:
        return
    ran = subprocess.run(
        [npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts"],
        cwd=FOLDER,
        capture_output=True,
        text=True,
        timeout=INSTALL_SECONDS,
        check=False,
    )
    if ran.returncode:
        raise NotHere(f"npm ci failed: {ran.stderr.strip()[-300:]}")
    stamp.write_text(wanted)


class OidcServer:
    """A running server; `issuer` by listener name. A context manager."""

    def __init__(
        self, clients: Sequence[Client], listeners: dict[str, Listener], folder: Path
    ) -> None:
        self._ledger = folder / "ledger.jsonl"
        self._ledger.touch(mode=0o600)
        self._clients = clients
        settings = {
            "ledger": str(self._ledger),
            "clients": [_given(client) for client in clients],
            "listeners": {name: _given(listener) for name, listener in listeners.items()},
        }
        with (folder / "server.log").open("wb") as log:
            self._process = subprocess.Popen(
                ["node", FOLDER / "server.mjs"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=os.environ | {"NO_COLOR": "1"},
            )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(settings).encode() + b"\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, (folder / "server.log").read_text()
        self.issuer: dict[str, str] = json.loads(line)

    def __enter__(self) -> "OidcServer":
        return self

    def __exit__(self, *exc_info: object) -> None:
        # It ends by itself when nobody holds its stdin any more.
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(timeout=20)
        self._process.stdout.close()

    def requests(self, listener: str) -> list[str]:
        """Every request so far as "METHOD /path?query"."""
        return [
            f"{entry['method']} {entry['url']}"
            for entry in self._entries()
            if entry["listener"] == listener and "url" in entry
        ]

    def secrets(self) -> set[str]:
        """Every token and device code handed out so far, and the clients' secrets."""
        handed_out = {secret for entry in self._entries() for secret in entry.get("secrets", ())}
        return handed_out | {
            client.client_secret for client in self._clients if client.client_secret
        }

    def _entries(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self._ledger.read_text().splitlines()]


def _given(settings: Client | Listener) -> dict[str, Any]:
    return {name: value for name, value in vars(settings).items() if value is not None}
