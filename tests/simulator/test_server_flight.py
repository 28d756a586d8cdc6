"""What the simulated network reads of a TLS server's first bytes."""

import ssl
from collections.abc import Callable
from pathlib import Path

import pytest

from keyfob_sim.hardware.chip_memory import Key
from keyfob_sim.hardware.server_flight import ServerFlight
from keyfob_sim.server.chains import CHAINS, make_chain

Talk = Callable[[ssl.TLSVersion], tuple["_Client", bytes]]


class _Client:
    """A client that is in the middle of a handshake."""

    def __init__(self, root: Path, version: ssl.TLSVersion) -> None:
        context = ssl.create_default_context(cafile=root)
        context.maximum_version = version
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.side = context.wrap_bio(self.incoming, self.outgoing, server_hostname="localhost")
        with pytest.raises(ssl.SSLWantReadError):
            self.side.do_handshake()

    def reads(self, data: bytes) -> None:
        self.incoming.write(data)
        self.side.do_handshake()


@pytest.fixture(params=CHAINS, scope="module")
def talk(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Talk:
    """Begin a handshake; the client, and what the server sends first."""
    root, leaf = make_chain(request.param, ["localhost"], tmp_path_factory.mktemp("chain"))

    def begin(version: ssl.TLSVersion) -> tuple[_Client, bytes]:
        client = _Client(root, version)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(leaf.cert_path, leaf.key_path)
        outgoing = ssl.MemoryBIO()
        side = context.wrap_bio(client.outgoing, outgoing, server_side=True)
        with pytest.raises(ssl.SSLWantReadError):
            side.do_handshake()
        return client, outgoing.read()

    begin.chain = request.param  # type: ignore[attr-defined]
    return begin


KEYS = {
    "ec": [Key(False, 256), Key(False, 256), Key(False, 384)],
    "rsa2048": [Key(True, 2048)] * 3,
    "rsa4096": [Key(True, 2048), Key(True, 2048), Key(True, 4096)],
    "long": [Key(True, 2048), Key(True, 2048), Key(True, 4096), Key(True, 4096)],
}
# Certificates, and bytes of all, as measured on an ESP32 (that of the EC chain is not known).
SIZES = {"ec": (2, 1_300), "rsa2048": (2, 2_100), "rsa4096": (2, 2_400), "long": (3, 4_500)}


def test_a_chain_in_any_pieces(talk: Talk) -> None:
    _, data = talk(ssl.TLSVersion.TLSv1_2)
    for size in (1, 7, 1000, len(data)):
        flight = ServerFlight()
        pieces = [data[start : start + size] for start in range(0, len(data), size)]
        fed = next(count for count, piece in enumerate(pieces, 1) if flight.feed(piece))
        assert flight.take() == data[: fed * size]
        chain = flight.chain()
        assert chain is not None
        assert list(chain.keys) == KEYS[talk.chain]  # type: ignore[attr-defined]
        certificates, total = SIZES[talk.chain]  # type: ignore[attr-defined]
        assert len(chain.sizes) == certificates
        assert sum(chain.sizes) == pytest.approx(total, rel=0.08)


def test_one_that_was_spoilt_is_not_correctly_signed(talk: Talk) -> None:
    client, data = talk(ssl.TLSVersion.TLSv1_2)
    flight = ServerFlight()
    assert flight.feed(data)
    flight.spoil()
    with pytest.raises(ssl.SSLCertVerificationError, match="signature failure"):
        client.reads(flight.take())


def test_one_that_was_passed_on_is_trusted(talk: Talk) -> None:
    client, data = talk(ssl.TLSVersion.TLSv1_2)
    flight = ServerFlight()
    flight.feed(data)
    with pytest.raises(ssl.SSLWantReadError):
        client.reads(flight.take())


def test_tls_1_3_shows_none(talk: Talk) -> None:
    _, data = talk(ssl.TLSVersion.TLSv1_3)
    flight = ServerFlight()
    assert flight.feed(data)
    assert flight.chain() is None
    assert flight.take() == data


@pytest.mark.parametrize(
    "data",
    [
        b"H",
        b"HTTP/1.1 200 OK\r\n",
        b"\x15\x03\x03\x00\x02\x02\x28",  # an alert
        b"\x16\x03\x03\x00\x04\x0b\x00\x00\x00",  # certificates without any
        b"\x16\x03\x03\x00\x07\x0b\x00\x00\x03\x00\x00\x00",
        b"\x16\x03\x03\x00\x0b\x0b\x00\x00\x07\x00\x00\x04\x00\x00\x01\x00",  # one that is none
    ],
)
def test_what_shows_no_chain_is_passed_on_at_once(data: bytes) -> None:
    flight = ServerFlight()
    assert flight.feed(data)
    assert flight.chain() is None
    assert flight.take() == data


def test_a_server_that_sends_no_end_of_something_else_is_not_held_back_for_ever() -> None:
    flight = ServerFlight()
    record = b"\x16\x03\x03\x40\x00" + (b"\x02\x00\x40\x00" + bytes(0x4000))[:0x4000]
    assert not flight.feed(record)
    assert any(flight.feed(record) for _ in range(20))
    assert flight.chain() is None
