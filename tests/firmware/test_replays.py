"""The wire scripts of tests/interop/replays, each played against the whole client.

`-s` prints the table of cases and results.
"""

import replay

PLAYED = []


def plays(name):
    """A test of all cases in a file."""
    PLAYED.append(name)

    def test():
        failures = replay.play_file(name, replay.row)
        assert not failures, "\n".join(failures)

    return test


test_device_codes = plays("a_device_code")
test_pending = plays("b_pending")
test_slow_down = plays("c_slow_down")
test_denied = plays("d_denied")
test_expired = plays("e_expired")
test_tokens = plays("f_tokens")
test_refresh = plays("g_refresh")
test_transport = plays("h_transport")
test_hostile_bodies = plays("i_hostile")
test_discovery = plays("j_discovery")
test_openid = plays("j_openid")
test_revocation_and_api = plays("j_revoke_and_api")
test_client_authentication_and_refused_profiles = plays("k_client")
test_dialects = plays("l_dialects")
test_client_credentials = plays("m_client_credentials")


def test_every_file_is_played():
    assert sorted(PLAYED) == replay.names()


def test_each_case_has_a_name_of_its_own_and_rules_that_exist():
    seen = []
    for name in replay.names():
        for case in replay.load(name):
            assert case["name"] not in seen, case["name"]
            seen.append(case["name"])
            assert case["rules"], case["name"]
            assert all(rule[0] == "R" and 0 < int(rule[1:]) <= 97 for rule in case["rules"])
    assert len(seen) >= 120
