"""Roots for a board: the one that a chain ends in, and those that a provider announces."""

from pathlib import Path

import certifi
import pytest

from keyfob_host.providers import roots
from keyfob_host.providers.presets import known_providers, load
from keyfob_host.providers.roots import split_certificates
from keyfob_sim.server import MockServer, ServerOptions
from keyfob_sim.server.certificates import make_ca


@pytest.fixture
def server(tmp_path):
    with MockServer(ServerOptions(https=True, chain="ec", ca_dir=tmp_path / "ca")) as running:
        yield running


@pytest.fixture
def trusted(tmp_path, server, monkeypatch):
    """A trust store with the server's root and another; the two as DER."""
    own = Path(server.description["ca"]).read_bytes()
    other = make_ca(tmp_path / "other")
    store = tmp_path / "store.pem"
    store.write_bytes(own + other.cert_path.read_bytes())
    monkeypatch.setenv("SSL_CERT_FILE", str(store))
    return split_certificates(own)[0], other.der


def test_the_root_that_the_chain_ends_in(server, trusted):
    assert roots.roots_for(server.description["token_endpoint"]) == [trusted[0]]


def test_a_second_root_that_is_announced(server, trusted):
    url, (own, other) = server.description["issuer"], trusted
    fingerprint = roots.fingerprint(other)
    spelled = ":".join(fingerprint[i : i + 2] for i in range(0, 64, 2)).upper()
    assert roots.roots_for(url, [fingerprint]) == [own, other]
    assert roots.roots_for(url, [spelled]) == [own, other]
    assert roots.roots_for(url, [roots.fingerprint(own)]) == [own]


def test_a_second_root_that_is_not_in_the_store(server, trusted):
    with pytest.raises(roots.RootError) as caught:
        roots.roots_for(server.description["issuer"], ["0" * 64])
    assert caught.value.kind == "tls"


@pytest.mark.parametrize("name", [name for name in known_providers() if load(name).roots])
def test_what_presets_announce_is_in_the_store(name, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", certifi.where())
    monkeypatch.setattr(roots, "trusted_root", lambda *_: b"in use")
    announced = load(name).roots
    found = roots.roots_for("https://as.example", announced)
    assert found[0] == b"in use"
    assert [roots.fingerprint(der) for der in found[1:]] == list(announced)


def test_http_has_none():
    assert roots.roots_for("http://127.0.0.1:1/token") == []


def test_a_chain_that_nobody_trusts(server):
    with pytest.raises(roots.RootError) as caught:
        roots.roots_for(server.description["issuer"])
    assert caught.value.kind == "tls"
    assert "--ca" in caught.value.hint


def test_nobody_there(unused_port):
    with pytest.raises(roots.RootError) as caught:
        roots.roots_for(f"https://127.0.0.1:{unused_port}")
    assert caught.value.kind == "network"
