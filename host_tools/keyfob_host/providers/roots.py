"""Root certificates for a board: those by which this host trusts a server, as DER.

A board gets the one root that a provider's chain ends in instead of a bundle of 140, since
each costs flash and RAM:

    roots_for("https://login.example.com/token")                   # [DER]
    roots_for("https://login.example.com/token", preset.roots)     # and those it moves to
"""

from __future__ import annotations

import binascii
import hashlib
import os
import socket
import ssl
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import certifi

from keyfob.net import tls_greeting
from keyfob_host.errors import CliError

TIMEOUT = 10.0  # s for each of connecting and the handshake
# Who issued a certificate, and whose it is.
_names: Callable[[bytes], tuple[bytes, bytes]] = tls_greeting.names

_PEM_BEGIN, _PEM_END = b"-----BEGIN CERTIFICATE-----", b"-----END CERTIFICATE-----"


class RootError(CliError):
    """No root: `kind` is `tls` (not trusted), `network` (not reached) or `config` (a bad file)."""

    def __init__(self, kind: str, message: str, hint: str) -> None:
        super().__init__(message, hint)
        self.kind = kind


def roots_for(
    url: str, also: Iterable[str] = (), trust: ssl.SSLContext | None = None
) -> list[bytes]:
    """The root that the chain of the https server at `url` ends in, as DER, and more.

    `also` are SHA-256 fingerprints, in hexadecimal, of roots that a provider announces; they
    come from the trust store, too. `trust` replaces the host's own (`host_trust`). An http
    address has no root: the list is then empty.
    Asks the server, sends nothing beyond the handshake, and raises RootError.
    """
    parts = urlsplit(url)
    if parts.scheme.lower() != "https":
        return []
    host = parts.hostname or ""
    try:
        found = [trusted_root(host, parts.port or 443, TIMEOUT, trust)]
    except OSError as error:
        raise connection_error(host, error) from None
    return found + [root for root in stored_roots(also) if root not in found]


def likely_roots(url: str, trust: ssl.SSLContext) -> list[bytes]:
    """The roots in `trust` by which a board could trust the https server at `url`, as DER.

    That is the one by which this host does. Where it does not, it is each that may have issued a
    certificate which the server sends, so that a board says itself what is wrong.
    """
    try:
        return roots_for(url, trust=trust)
    except RootError:
        pass
    parts = urlsplit(url)
    loose = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    loose.check_hostname, loose.verify_mode = False, ssl.CERT_NONE
    loose.set_ciphers("ALL:@SECLEVEL=0")
    host = parts.hostname or ""
    try:
        with (
            socket.create_connection((host, parts.port or 443), TIMEOUT) as plain,
            loose.wrap_socket(plain, server_hostname=host) as secured,
        ):
            issuers = [_names(der)[0] for der in _chain(secured, "unverified")]
    except (OSError, IndexError):
        issuers = []
    stored = trust.get_ca_certs(binary_form=True)
    return [der for der in stored if _names(der)[1] in issuers]


def connection_error(host: str, error: OSError) -> RootError:
    """What a connection's failure means."""
    if isinstance(error, ssl.SSLError):
        reason = getattr(error, "verify_message", None) or error.reason or "TLS failed"
        message = f"{host} is not trusted by this host: {reason}"
        return RootError("tls", message, "--ca FILE with its CA")
    message = f"no connection to {host}: {error.strerror or error}"
    return RootError("network", message, "check the address and the network")


def trusted_root(
    host: str, port: int, timeout: float, trust: ssl.SSLContext | None = None
) -> bytes:
    """Verify a TLS server against the host's trust store; return the DER its chain ends in.

    `timeout` is seconds for each of connecting and the handshake. Nothing is sent beyond the
    handshake. Raises ssl.SSLError (a refused certificate) and OSError (no connection).
    """
    with (
        socket.create_connection((host, port), timeout) as plain,
        (trust or host_trust()).wrap_socket(plain, server_hostname=host) as secured,
    ):
        return _chain(secured, "verified")[-1]


def host_trust() -> ssl.SSLContext:
    """A client's TLS context that trusts what this host trusts.

    That is OpenSSL's default store plus certifi's; SSL_CERT_FILE or SSL_CERT_DIR replaces both.
    """
    context = ssl.create_default_context()
    if not {"SSL_CERT_FILE", "SSL_CERT_DIR"} & os.environ.keys():
        context.load_verify_locations(certifi.where())
    return context


def fingerprint(der: bytes) -> str:
    """A certificate's SHA-256 in hexadecimal, as `also` of `roots_for` takes it."""
    return hashlib.sha256(der).hexdigest()


def read_roots(path: Path) -> list[bytes]:
    """The certificates in a file, PEM or DER, each as DER. Raises RootError."""
    try:
        return split_certificates(path.read_bytes())
    except OSError as error:
        message = f"the CA {path} cannot be read: {error.strerror}"
        raise RootError("config", message, "--ca FILE") from None
    except ValueError:
        message = f"{path} holds no certificate"
        raise RootError("config", message, "--ca FILE, PEM or DER") from None


def split_certificates(data: bytes) -> list[bytes]:
    """Turn a PEM file with any number of certificates, or one DER certificate, into DERs.

    Raises ValueError, whose text can be shown, when there is none or one is damaged.
    """
    if b"-----BEGIN" not in data:
        if not is_certificate(data):
            raise ValueError("no certificate in it, neither PEM nor DER")
        return [data]
    if _PEM_BEGIN not in data:
        raise ValueError("PEM without a certificate in it")
    ders = [_decoded(block.partition(_PEM_END)) for block in data.split(_PEM_BEGIN)[1:]]
    if not all(map(is_certificate, ders)):
        raise ValueError("a damaged certificate in PEM")
    return ders


def stored_roots(fingerprints: Iterable[str]) -> list[bytes]:
    """The roots with these SHA-256 fingerprints, from the trust store alone, as DER.

    Raises RootError where one is not there.
    """
    wanted = [text.replace(":", "").lower() for text in fingerprints]
    if not wanted:
        return []
    stored = {fingerprint(der): der for der in host_trust().get_ca_certs(binary_form=True)}
    for text in wanted:
        if text not in stored:
            raise RootError(
                "tls",
                f"the root {text[:16]}... is not in this host's trust store",
                "pip install --upgrade certifi",
            )
    return [stored[text] for text in wanted]


def _chain(secured: ssl.SSLSocket, which: str) -> list[bytes]:
    # Public since Python 3.13; before that only the C object underneath has it, and it answers
    # with certificate objects instead of bytes.
    connection: Any = secured
    name = f"get_{which}_chain"
    if hasattr(connection, name):
        return list(getattr(connection, name)())
    return [
        ssl.PEM_cert_to_DER_cert(certificate.public_bytes())
        for certificate in getattr(connection._sslobj, name)()
    ]


def _decoded(block: tuple[bytes, bytes, bytes]) -> bytes:
    base64, end, _ = block
    try:
        return binascii.a2b_base64(base64) if end else b""
    except binascii.Error:
        return b""


def is_certificate(der: bytes) -> bool:
    """Whether these bytes are one certificate, as DER."""
    # OpenSSL judges and not `cryptography`, which warns about some roots that hosts still trust.
    # It takes concatenated ones too, so the outer SEQUENCE must span all of the bytes.
    if der[:2] != b"\x30\x82" or int.from_bytes(der[2:4], "big") + 4 != len(der):
        return False
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=der)
    except ssl.SSLError:
        return False
    return True
