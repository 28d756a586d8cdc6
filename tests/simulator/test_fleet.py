"""A fleet of boards for months, in virtual time, whatever befalls them.

Nobody is there but on the first two days, and two days after a provider has truly ended a link.
`tests/fleet` is how; a board that fails can be run alone.
"""

from collections import Counter

import pytest
from fleet.board import OWNER
from fleet.results import LINKED, RELINKED, Shared, run_fleet, run_one
from fleet.troubles import DAY, ENDINGS, FIELDS

from keyfob_sim.run.board_faults import ACTIONS

# Boards, and days of each.
SAMPLE = 3, 30
WHOLE = 100, 90

MOST_REQUESTS = 60  # of a board in a day, polls left out


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    return Shared.make(tmp_path_factory.mktemp("fleet"))


@pytest.fixture(
    scope="module",
    params=[SAMPLE, pytest.param(WHOLE, marks=pytest.mark.soak)],
    ids=lambda size: f"{size[0]} boards, {size[1]} days",
)
def fleet(request, shared):
    """How each board has fared."""
    return run_fleet(shared, *request.param)


def test_only_a_truly_ended_link_needs_a_person(fleet):
    lost = [board for board in fleet if board.standing not in (LINKED, RELINKED)]
    print(
        f"{len(fleet)} boards, {fleet[0].plan.days} days each:",
        dict(Counter(b.standing for b in fleet)),
    )
    assert not lost, "\n\n".join(map(str, lost))


def test_a_provider_ends_a_link_where_its_owner_wants_it_or_it_has_little_patience(fleet):
    for board in fleet:
        by_owner = board.ends.count(OWNER)
        assert by_owner == (board.plan.ended_at is not None), board
        if len(board.ends) > by_owner:
            assert board.plan.config["rotation"] == "grace", board
            assert board.plan.config["grace"] < DAY, board
    late = sum(len(board.ends) - board.ends.count(OWNER) for board in fleet)
    print(f"{late} links ended by a token that came too late")
    assert late <= len(fleet) // 10


def test_no_poll_is_early(fleet):
    early = [(board.plan.number, board.early) for board in fleet if board.early]
    assert not early


def test_no_board_stands_still(fleet):
    still = [(board.plan.number, board.crashes, board.stops) for board in fleet]
    assert not [each for each in still if each[1] or each[2]]


def test_no_board_asks_for_more_than_it_needs(fleet):
    most = max(fleet, key=lambda board: board.most_requests)
    print(f"at most {most.most_requests} requests in a day, polls left out")
    assert most.most_requests <= MOST_REQUESTS, most


def test_every_fault_of_the_simulator_is_drawn(fleet):
    assert set(ACTIONS) - {*ENDINGS} <= set(FIELDS)
    happened = sum((board.happened for board in fleet), Counter())
    print(", ".join(f"{count} {do}" for do, count in sorted(happened.items())))
    assert len(fleet) < WHOLE[0] or set(happened) >= set(FIELDS)


def test_a_board_fares_the_same_each_time(shared):
    first, again = (run_one(shared, 1, 10) for _ in range(2))
    assert first == again
