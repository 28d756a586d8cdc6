"""The wire scripts of tests/interop/replays, each played against the whole client.

`-s` prints the table of cases and results.
"""

import replay

FILES = [
    "a_device_code",
    "b_pending",
    "c_slow_down",
    "d_denied",
    "e_expired",
    "f_tokens",
    "g_refresh",
    "h_transport",
    "i_hostile",
    "j_discovery",
    "j_openid",
    "j_revoke_and_api",
    "k_client",
    "l_dialects",
    "m_client_credentials",
]
CASES = {"test_case": replay.cases(FILES)}


def test_case(label):
    replay.play_one(label)


def test_every_file_is_played():
    assert replay.names() == FILES


def test_each_case_has_a_name_of_its_own_and_rules_that_exist():
    seen = []
    for name in replay.names():
        for case in replay.load(name):
            assert case["name"] not in seen, case["name"]
            seen.append(case["name"])
            assert case["rules"], case["name"]
            assert all(rule[0] == "R" and 0 < int(rule[1:]) <= 97 for rule in case["rules"])
    assert len(seen) >= 120
