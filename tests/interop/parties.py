"""Who takes part: the clients that the server knows, and whose certificates are trusted."""

from dataclasses import dataclass
from pathlib import Path

from interop.oidc_server import Client

from keyfob_sim.server.certificates import CertificateAuthority

# RFC 6749 allows any printable ASCII in both; each of these must survive two encodings.
AWKWARD = "p w+%41:/=&?\"\\~!*'()"
PUBLIC = Client("living-room", "none")
BASIC = Client("hall lamp:1+%2B", "basic", f"basic {AWKWARD}")
POST = Client("door&bell=2", "post", f"post {AWKWARD}")


@dataclass(frozen=True)
class Trust:
    """The authority whose certificates the server shows, one that it does not, and files."""

    ca: CertificateAuthority
    other: CertificateAuthority
    folder: Path

    @property
    def pem(self) -> Path:
        return self.ca.cert_path

    @property
    def der(self) -> Path:
        return self._file("ca.der", self.ca.der)

    @property
    def bundle(self) -> Path:
        """Two certificates in one PEM, the right one last."""
        both = self.other.cert_path.read_bytes() + self.ca.cert_path.read_bytes()
        return self._file("bundle.pem", both)

    def _file(self, name: str, data: bytes) -> Path:
        (self.folder / name).write_bytes(data)
        return self.folder / name
