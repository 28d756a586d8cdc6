"""Certificates for tests and for `--https`.

What is issued here satisfies RFC 5280 as OpenSSL's strict mode and mbedTLS read it. Dates follow
the host's clock, never the virtual one, because both ends check them against the real time.
"""

from __future__ import annotations

import datetime
import ipaddress
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

CA_CERTIFICATE = "ca.pem"
CA_KEY = "ca.key"

# A clock that runs a little behind must still accept what was issued a moment ago.
_SLACK = datetime.timedelta(hours=1)
_CA_LIFE = datetime.timedelta(days=3650)
# Browsers refuse a leaf that lives longer than 398 days.
_LEAF_LIFE = datetime.timedelta(days=365)
_MAX_COMMON_NAME = 64  # RFC 5280, ub-common-name


@dataclass(frozen=True)
class IssuedCertificate:
    """Where a server finds its certificate and its private key, both PEM."""

    cert_path: Path
    key_path: Path


@dataclass(frozen=True)
class CertificateAuthority:
    """A private root. `cert_path` is its PEM, `der` the same certificate as DER bytes."""

    cert_path: Path
    certificate: x509.Certificate = field(repr=False)
    _key: ec.EllipticCurvePrivateKey = field(repr=False)

    @property
    def der(self) -> bytes:
        """The root as a board stores it in a file of `ca`."""
        return self.certificate.public_bytes(serialization.Encoding.DER)

    def issue(
        self,
        hosts: Sequence[str],
        directory: Path,
        not_before: datetime.datetime | None = None,
        not_after: datetime.datetime | None = None,
    ) -> IssuedCertificate:
        """Issue a TLS server certificate for `hosts` (DNS names and IP addresses).

        The files are named after the first host and replace earlier ones of that name. The
        default life is an hour ago until a year from now; with `not_after` in the past the
        certificate starts a day before it. Raises ValueError for no or impossible hosts.
        """
        if not hosts:
            raise ValueError("a certificate needs at least one host")
        now = datetime.datetime.now(datetime.timezone.utc)
        end = not_after or now + _LEAF_LIFE
        start = not_before or min(now - _SLACK, end - datetime.timedelta(days=1))
        key = ec.generate_private_key(ec.SECP256R1())
        authority = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(
            self.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
        )
        builder = (
            _builder(_name(hosts[0]), self.certificate.subject, key, start, end)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(digital_signature=True), critical=True)
            .add_extension(
                x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False
            )
            .add_extension(
                x509.SubjectAlternativeName([_general_name(host) for host in hosts]),
                critical=False,
            )
            .add_extension(authority, critical=False)
        )
        stem = re.sub(r"[^A-Za-z0-9.-]", "_", hosts[0])
        issued = IssuedCertificate(directory / f"{stem}.pem", directory / f"{stem}.key")
        _save(builder.sign(self._key, hashes.SHA256()), issued.cert_path, key, issued.key_path)
        return issued


def make_ca(directory: Path, name: str = "keyfob test CA") -> CertificateAuthority:
    """Make a root (EC P-256, ten years) in `directory`, replacing one that is there.

    Writes `ca.pem` and `ca.key`, the key readable by its owner only. Raises OSError.
    """
    now = datetime.datetime.now(datetime.timezone.utc)
    key = ec.generate_private_key(ec.SECP256R1())
    subject = _name(name)
    certificate = (
        _builder(subject, subject, key, now - _SLACK, now + _CA_LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(key_cert_sign=True, crl_sign=True), critical=True)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    _save(certificate, directory / CA_CERTIFICATE, key, directory / CA_KEY)
    return CertificateAuthority(directory / CA_CERTIFICATE, certificate, key)


def load_ca(directory: Path) -> CertificateAuthority:
    """Load what `make_ca` wrote. Raises FileNotFoundError where nothing is, ValueError on junk."""
    cert_path = directory / CA_CERTIFICATE
    certificate = x509.load_pem_x509_certificate(cert_path.read_bytes())
    key = serialization.load_pem_private_key((directory / CA_KEY).read_bytes(), password=None)
    if (
        not isinstance(key, ec.EllipticCurvePrivateKey)
        or key.public_key() != certificate.public_key()
    ):
        raise ValueError(f"{directory / CA_KEY} is not the key of {cert_path.name}")
    return CertificateAuthority(cert_path, certificate, key)


def _name(common_name: str) -> x509.Name:
    return x509.Name(
        [x509.NameAttribute(NameOID.COMMON_NAME, common_name[:_MAX_COMMON_NAME])],
    )


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _key_usage(
    digital_signature: bool = False, key_cert_sign: bool = False, crl_sign: bool = False
) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature,
        key_cert_sign=key_cert_sign,
        crl_sign=crl_sign,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    start: datetime.datetime,
    end: datetime.datetime,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(end)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _save(
    certificate: x509.Certificate, cert_path: Path, key: ec.EllipticCurvePrivateKey, key_path: Path
) -> None:
    cert_path.parent.mkdir(parents=True, exist_ok=True)
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    _replace(key_path, private, 0o600)
    _replace(cert_path, certificate.public_bytes(serialization.Encoding.PEM), 0o644)


def _replace(path: Path, data: bytes, mode: int) -> None:
    # The mode is set as the file is made, so that a key is at no moment open to others.
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(data)
    os.replace(fresh, path)
