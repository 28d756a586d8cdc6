"""Certificates for tests and for `--https`.

What is issued here satisfies RFC 5280 as OpenSSL's strict mode and mbedTLS read it. Dates follow
the host's clock, never the virtual one, because both ends check them against the real time.
"""

from __future__ import annotations

import datetime
import ipaddress
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import TypeAlias

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID

CA_CERTIFICATE = "ca.pem"
CA_KEY = "ca.key"

# A clock that runs a little behind must still accept what was issued a moment ago.
_SLACK = datetime.timedelta(hours=1)
_CA_LIFE = datetime.timedelta(days=3650)
# Browsers refuse a leaf that lives longer than 398 days.
_LEAF_LIFE = datetime.timedelta(days=365)
Key: TypeAlias = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey
Life: TypeAlias = tuple[datetime.datetime, datetime.datetime]

# How keys are made, by a name of their kind.
_KINDS: dict[str, Callable[[], Key]] = {
    "P-256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "P-384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "P-224": lambda: ec.generate_private_key(ec.SECP224R1()),
    "P-521": lambda: ec.generate_private_key(ec.SECP521R1()),
    "secp256k1": lambda: ec.generate_private_key(ec.SECP256K1()),
    "brainpoolP256r1": lambda: ec.generate_private_key(ec.BrainpoolP256R1()),
    "Ed25519": ed25519.Ed25519PrivateKey.generate,
    "RSA-1024": lambda: rsa.generate_private_key(65537, 1024),  # noqa: S505 - to be refused
    "RSA-2048": lambda: rsa.generate_private_key(65537, 2048),
    "RSA-4096": lambda: rsa.generate_private_key(65537, 4096),
}

# What public authorities write into what they issue. Nothing is there, and nobody looks.
_ISSUER_AT = x509.AuthorityInformationAccess(
    [
        x509.AccessDescription(
            AuthorityInformationAccessOID.CA_ISSUERS,
            x509.UniformResourceIdentifier("http://certificates.keyfob.example.com/issuer.der"),
        )
    ]
)
_REVOKED_AT = x509.CRLDistributionPoints(
    [
        x509.DistributionPoint(
            [x509.UniformResourceIdentifier("http://certificates.keyfob.example.com/revoked.crl")],
            relative_name=None,
            reasons=None,
            crl_issuer=None,
        )
    ]
)
_POLICY = x509.CertificatePolicies(  # "domain validated" (CA/Browser Forum)
    [x509.PolicyInformation(x509.ObjectIdentifier("2.23.140.1.2.1"), None)]
)

_MAX_COMMON_NAME = 64  # RFC 5280, ub-common-name


@dataclass(frozen=True)
class IssuedCertificate:
    """Where a server finds its certificate and its private key, both PEM."""

    cert_path: Path
    key_path: Path


@dataclass(frozen=True)
class CertificateAuthority:
    """Whoever issues certificates: a private root, or an authority below one.

    `cert_path` is its root's PEM. `sent` are the certificates that a server sends after its own.
    """

    cert_path: Path
    certificate: x509.Certificate = field(repr=False)
    _key: Key = field(repr=False)
    sent: tuple[x509.Certificate, ...] = ()

    @property
    def der(self) -> bytes:
        """Its certificate; that of a root is what a board stores in a file of `ca`."""
        return self.certificate.public_bytes(serialization.Encoding.DER)

    def issue(
        self,
        hosts: Sequence[str],
        directory: Path,
        not_before: datetime.datetime | None = None,
        not_after: datetime.datetime | None = None,
        kind: str = "P-256",
        *,
        digest: str = "SHA256",
        has_pss: bool = False,
        by_common_name: bool = False,
        for_clients: bool = False,
        by_itself: bool = False,
    ) -> IssuedCertificate:
        """Issue a TLS server certificate for `hosts` (DNS names and IP addresses), of that key.

        The files are named after the first host and replace earlier ones of that name. The
        default life is an hour ago until a year from now; with `not_after` in the past the
        certificate starts a day before it. Raises ValueError for no or impossible hosts.

        Its signature is over `digest`, RSA's with PSS where `has_pss`. It may have its host as the
        common name alone, be for TLS clients, or be signed by its own key.
        """
        if not hosts:
            raise ValueError("a certificate needs at least one host")
        now = datetime.datetime.now(datetime.timezone.utc)
        end = not_after or now + _LEAF_LIFE
        start = not_before or min(now - _SLACK, end - datetime.timedelta(days=1))
        key = _KINDS[kind]()
        purpose = ExtendedKeyUsageOID
        subject = _name(hosts[0])
        builder = (
            _builder(subject, subject if by_itself else self.certificate.subject, key, start, end)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(
                _key_usage(digital_signature=True, key_encipherment=kind.startswith("RSA")),
                critical=True,
            )
            .add_extension(
                x509.ExtendedKeyUsage(
                    [purpose.CLIENT_AUTH if for_clients else purpose.SERVER_AUTH]
                ),
                critical=False,
            )
        )
        if not by_common_name:
            names = x509.SubjectAlternativeName([_general_name(host) for host in hosts])
            builder = builder.add_extension(names, critical=False)
        stem = re.sub(r"[^A-Za-z0-9.-]", "_", hosts[0])
        issued = IssuedCertificate(directory / f"{stem}.pem", directory / f"{stem}.key")
        if by_itself:
            chain: tuple[x509.Certificate, ...] = (_signed(builder, key, digest, has_pss),)
        else:
            chain = (self._sign(builder, digest, has_pss), *self.sent)
        _save(chain, issued.cert_path, key, issued.key_path)
        return issued

    def sending(self, *certificates: x509.Certificate) -> CertificateAuthority:
        """Return this authority with those sent after what it issues."""
        return replace(self, sent=certificates)

    def authority_below(
        self, name: str, kind: str, path_length: int | None = 0, *, is_ca: bool = True
    ) -> CertificateAuthority:
        """Return an authority that this one vouches for, with a new key of that kind.

        Its certificate may not say that it is a CA's.
        """
        key = _KINDS[kind]()
        certificate = self._vouch(_name(name), key, path_length, is_ca=is_ca)
        return CertificateAuthority(self.cert_path, certificate, key, (certificate, *self.sent))

    def cross_signed(self, name: str, kind: str) -> CertificateAuthority:
        """Return this root with a certificate of another root's, called `name`, sent along."""
        other = _other_key(kind)
        above = CertificateAuthority(self.cert_path, _self_signed(name, other), other)
        cross = above._vouch(self.certificate.subject, self._key)
        return CertificateAuthority(self.cert_path, self.certificate, self._key, (cross,))

    def _vouch(
        self,
        name: x509.Name,
        key: Key,
        path_length: int | None = None,
        *,
        is_ca: bool = True,
    ) -> x509.Certificate:
        now = datetime.datetime.now(datetime.timezone.utc)
        return self._sign(
            _builder(name, self.certificate.subject, key, now - _SLACK, now + _CA_LIFE)
            .add_extension(
                x509.BasicConstraints(is_ca, path_length if is_ca else None), critical=True
            )
            .add_extension(_key_usage(key_cert_sign=True, crl_sign=True), critical=True)
        )

    def _sign(
        self, builder: x509.CertificateBuilder, digest: str = "SHA256", has_pss: bool = False
    ) -> x509.Certificate:
        ours = self.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
        authority = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(ours.value)
        builder = (
            builder.add_extension(authority, critical=False)
            .add_extension(_ISSUER_AT, critical=False)
            .add_extension(_REVOKED_AT, critical=False)
            .add_extension(_POLICY, critical=False)
        )
        return _signed(builder, self._key, digest, has_pss)


def make_ca(
    directory: Path,
    name: str = "keyfob test CA",
    kind: str = "P-256",
    life: Life | None = None,
) -> CertificateAuthority:
    """Make a root of ten years, or of that `life`, in `directory`, replacing one that is there.

    Its key is of that kind: P-256, P-384, RSA-2048 or RSA-4096, which takes up to a second.
    Writes `ca.pem` and `ca.key`, the key readable by its owner only. Raises OSError.
    """
    key = _KINDS[kind]()
    certificate = _self_signed(name, key, life)
    _save((certificate,), directory / CA_CERTIFICATE, key, directory / CA_KEY)
    return CertificateAuthority(directory / CA_CERTIFICATE, certificate, key)


def load_ca(directory: Path) -> CertificateAuthority:
    """Load what `make_ca` wrote. Raises FileNotFoundError where nothing is, ValueError on junk."""
    cert_path = directory / CA_CERTIFICATE
    certificate = x509.load_pem_x509_certificate(cert_path.read_bytes())
    key = serialization.load_pem_private_key((directory / CA_KEY).read_bytes(), password=None)
    if (
        not isinstance(key, (ec.EllipticCurvePrivateKey, rsa.RSAPrivateKey))
        or key.public_key() != certificate.public_key()
    ):
        raise ValueError(f"{directory / CA_KEY} is not the key of {cert_path.name}")
    return CertificateAuthority(cert_path, certificate, key)


@cache
def _other_key(kind: str) -> Key:
    """The key of a root that nobody trusts, made once a process: RSA's take a second."""
    return _KINDS[kind]()


def _signed(
    builder: x509.CertificateBuilder, key: Key, digest: str = "SHA256", has_pss: bool = False
) -> x509.Certificate:
    chosen: hashes.SHA224 | hashes.SHA256 | hashes.SHA512 = getattr(hashes, digest)()
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return builder.sign(key, None)
    if has_pss:
        pss = padding.PSS(padding.MGF1(chosen), chosen.digest_size)
        return builder.sign(key, chosen, rsa_padding=pss)
    return builder.sign(key, chosen)


def _self_signed(name: str, key: Key, life: Life | None = None) -> x509.Certificate:
    now = datetime.datetime.now(datetime.timezone.utc)
    subject = _name(name)
    start, end = life or (now - _SLACK, now + _CA_LIFE)
    return (
        _builder(subject, subject, key, start, end)
        .add_extension(x509.BasicConstraints(ca=True, path_length=2), critical=True)
        .add_extension(_key_usage(key_cert_sign=True, crl_sign=True), critical=True)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False
        )
        .sign(key, hashes.SHA256())
    )


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
    digital_signature: bool = False,
    key_encipherment: bool = False,
    key_cert_sign: bool = False,
    crl_sign: bool = False,
) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature,
        key_cert_sign=key_cert_sign,
        crl_sign=crl_sign,
        content_commitment=False,
        key_encipherment=key_encipherment,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: Key,
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


def _save(chain: Sequence[x509.Certificate], cert_path: Path, key: Key, key_path: Path) -> None:
    cert_path.parent.mkdir(parents=True, exist_ok=True)
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    _replace(key_path, private, 0o600)
    pem = b"".join(one.public_bytes(serialization.Encoding.PEM) for one in chain)
    _replace(cert_path, pem, 0o644)


def _replace(path: Path, data: bytes, mode: int) -> None:
    # The mode is set as the file is made, so that a key is at no moment open to others.
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(data)
    os.replace(fresh, path)
