"""The state file: what a later run continues from."""

import json
import os
import stat
import sys

import pytest

from keyfob_host.errors import CliError
from keyfob_sim.server import MockServer, ServerOptions


def test_grants_tokens_keys_and_secrets_come_back(make_bench, tmp_path, clock):
    state = tmp_path / "state.json"
    before = make_bench(state=state)
    tokens = before.link("basic")
    waiting = before.authorize("post")
    for _ in range(2):
        before.poll(waiting["device_code"], "post")
    (key,) = before.get("jwks_uri").json["keys"]
    assert json.loads(state.read_text())["signing_key"]["kid"] == key["kid"]

    after = make_bench(state=state)
    assert after.about == before.about
    assert after.get("jwks_uri").json == {"keys": [key]}
    assert after.get("api", tokens["access_token"]).status_code == 200
    assert after.refresh(tokens["refresh_token"], "basic").status_code == 200
    assert after.refresh(tokens["refresh_token"], "basic").status_code == 400
    clock.advance(9.9)
    assert after.poll(waiting["device_code"], "post").json["error"] == "slow_down"
    after.realm.decide(waiting["user_code"], after.realm.user("chris"), "admin")

    third = make_bench(state=state)
    assert third.poll(waiting["device_code"], "post").status_code == 200


def test_used_code_stays_used_and_revoked_stays_revoked(make_bench, tmp_path):
    state = tmp_path / "state.json"
    before = make_bench(state=state)
    codes = before.authorize()
    before.realm.decide(codes["user_code"], before.realm.user("ana"), "admin")
    tokens = before.poll(codes["device_code"]).json
    before.post("revocation_endpoint", token=tokens["access_token"])

    after = make_bench(state=state)
    assert after.poll(codes["device_code"]).json["error"] == "invalid_grant"
    assert after.get("api", tokens["access_token"]).status_code == 401


def test_file_is_the_owners_alone_and_holds_no_working_token(make_bench, tmp_path):
    state = tmp_path / "new" / "state.json"
    bench = make_bench(state=state)
    codes = bench.authorize()
    bench.realm.decide(codes["user_code"], bench.realm.user("ana"), "admin")
    tokens = bench.poll(codes["device_code"]).json
    text = state.read_text()
    for secret in (codes["device_code"], tokens["access_token"], tokens["refresh_token"]):
        assert secret not in text
    if sys.platform != "win32":
        assert stat.S_IMODE(state.stat().st_mode) == 0o600
    assert os.listdir(state.parent) == ["state.json"]


def test_a_plain_poll_is_not_worth_a_write(make_bench, tmp_path, clock):
    state = tmp_path / "state.json"
    bench = make_bench(state=state)
    code = bench.authorize()["device_code"]
    inode = state.stat().st_ino
    for _ in range(3):
        clock.advance(5)
        bench.poll(code)
    assert state.stat().st_ino == inode
    assert bench.poll(code).json["error"] == "slow_down"
    assert state.stat().st_ino != inode


def test_port_and_issuer_come_back(tmp_path, clock):
    options = ServerOptions(state=tmp_path / "state.json")
    with MockServer(options, clock) as first:
        about = first.description
    with MockServer(options, clock) as second:
        assert second.description == about


def test_remembered_port_that_somebody_else_has(tmp_path, clock):
    state = tmp_path / "state.json"
    options = ServerOptions(state=state)
    with MockServer(options, clock):
        with pytest.raises(CliError, match="cannot listen") as caught:
            MockServer(options, clock).start()
        assert str(state) in caught.value.hint


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "{}", '{"keyfob_server_state": 99}', '{"keyfob_server_state": 1, "port": 1}'],
)
def test_damaged_state_is_refused_and_left_alone(make_bench, tmp_path, text):
    state = tmp_path / "state.json"
    state.write_text(text)
    with pytest.raises(CliError) as caught:
        make_bench(state=state)
    assert str(state) in caught.value.message
    assert state.read_text() == text


@pytest.mark.parametrize("key", [{}, {"kty": "RSA", "n": "x", "e": "AQAB", "d": "1"}, "key"])
def test_damaged_signing_key(make_bench, tmp_path, key):
    state = tmp_path / "state.json"
    make_bench(state=state)
    saved = json.loads(state.read_text())
    saved["signing_key"] = key
    state.write_text(json.dumps(saved))
    with pytest.raises(CliError, match="signing key"):
        make_bench(state=state)


def test_state_that_cannot_be_written(make_bench, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(CliError, match="cannot"):
        make_bench(state=tmp_path / "file" / "state.json")


def test_long_ended_grants_and_tokens_are_forgotten(make_bench, tmp_path, clock):
    state = tmp_path / "state.json"
    bench = make_bench(state=state)
    first = bench.link()
    clock.advance(10 * 86400)
    second = bench.refresh(first["refresh_token"]).json
    clock.advance(31 * 86400)
    bench.authorize()
    saved = json.loads(state.read_text())
    assert len(saved["grants"]) == 1
    assert bench.refresh(second["refresh_token"]).status_code == 200
    kinds = [token["kind"] for token in json.loads(state.read_text())["tokens"]]
    assert sorted(kinds) == ["access_token", "refresh_token", "refresh_token"]
