"""The APIs of real providers that the mock server stands in for."""

import json

import pytest
from board_run import run_board

from keyfob_sim.server.apis import with_mocked_origins

GITHUB = "/apis/api.github.com/notifications"
GRAPH = "/apis/graph.microsoft.com/v1.0/me/calendarView"
HOUR = 3600


@pytest.fixture
def get(make_bench):
    """Make a GET as a board that is linked."""
    bench = make_bench()
    token = bench.link()["access_token"]
    return lambda path, **more: bench.http.get(
        path, headers={"Authorization": f"Bearer {token}", **more}
    )


def test_it_takes_a_token(make_bench):
    assert make_bench().http.get(GITHUB).status_code == 401


def test_an_address_that_is_not_there(get):
    assert get("/apis/api.github.com/user/9").status_code == 404
    assert get("/apis/api.example.com/notifications").status_code == 404
    assert get("/apis/").status_code == 404


def test_pages_by_a_link_header(get):
    ids, sizes, path = [], [], f"{GITHUB}?per_page=30&all=false"
    while path:
        answer = get(path)
        ids += [item["id"] for item in answer.json]
        sizes.append(len(answer.json))
        link = answer.headers.get("Link")
        path = link and link.removeprefix("<").removesuffix('>; rel="next"')
        assert path is None or "per_page=30&all=false&page=" in path
    assert sizes == [30, 30, 3]
    assert len(set(ids)) == 63
    assert len(get(GITHUB).json) == len(get(f"{GITHUB}?per_page=500").json) == 50
    assert get(f"{GITHUB}?page=9").json == []


def test_nothing_new(get):
    modified = get(GITHUB).headers["Last-Modified"]
    answer = get(GITHUB, **{"If-Modified-Since": modified})
    assert (answer.status_code, answer.data) == (304, b"")
    assert answer.headers["X-Poll-Interval"] == "60"
    assert get(GITHUB, **{"If-Modified-Since": "Mon, 01 Jan 2024 00:00:00 GMT"}).json


def test_appointments_in_a_span_of_time(get, clock):
    clock.now = 1_800_000_000 // HOUR * HOUR + 600  # the clock's hour began at 08:00
    query = "?startDateTime=2027-01-15T08:10:00Z&endDateTime=2027-01-15T12:00:00Z"
    starts = [event["start"]["dateTime"] for event in get(GRAPH + query).json["value"]]
    assert starts == ["2027-01-15T08:00:00.0000000", "2027-01-15T10:00:00.0000000"]
    later = query.replace("T08:10", "T08:30")  # the first one is over
    assert len(get(GRAPH + later).json["value"]) == 1
    assert get(f"{GRAPH}?startDateTime=soon&endDateTime=later").status_code == 400
    assert get(GRAPH).status_code == 400


def test_pages_by_a_member_and_members_that_were_asked_for(get, clock):
    day = 1_800_000_000
    clock.now = day
    query = "?startDateTime=2027-01-15T00:00:00Z&endDateTime=2027-02-15T00:00:00Z"
    whole = get(GRAPH + query)
    assert len(whole.json["value"]) == 10
    assert len(whole.data) > 40_000
    following = whole.json["@odata.nextLink"]
    second = get(following).json["value"]
    assert second[0]["id"] != whole.json["value"][0]["id"]
    answer = get(f"{GRAPH}{query}&$top=60&$select=subject,start").json
    assert "@odata.nextLink" not in answer
    assert len(answer["value"]) == 60
    assert set(answer["value"][0]) == {"@odata.etag", "id", "subject", "start"}


def test_a_state_and_a_presence(get):
    state = get("/apis/home.example.com/api/states/lock.front_door").json
    assert (state["entity_id"], state["state"]) == ("lock.front_door", "locked")
    presence = get("/apis/graph.microsoft.com/v1.0/me/presence").json
    assert presence["availability"] == "Busy"


def test_a_program_calls_the_server_in_the_apis_places():
    program = 'A = "https://api.github.com/x"\nB = "https://api.example.com"\n'
    mocked = with_mocked_origins(program, "http://127.0.0.1:8400")
    assert mocked.splitlines() == [
        'A = "http://127.0.0.1:8400/apis/api.github.com/x"',
        'B = "https://api.example.com"',
    ]


PROGRAM = """
from keyfob.app import App, print_event, run

class Own(App):
    async def idle(self):
        reply = await self.link.get("https://home.example.com/api/states/lock.front_door")
        print_event("api", {"status": reply.status, "state": reply.json()["state"]})
        await self.link.refresh()

run(Own)
"""


@pytest.mark.parametrize("runtime", ["cpython", "micropython"])
def test_a_board_runs_a_program_of_ones_own(runtime, tmp_path, capsys):
    program = tmp_path / "own.py"
    program.write_text("\ufeff" + PROGRAM, "utf-8")
    run = run_board(
        capsys, "--program", program, "--runtime", runtime, "--clock", "virtual",
        "--approve", "auto", "--until", "refreshed",
    )  # fmt: skip
    assert run.exit_code == 0, run.stderr
    assert [json.loads(json.dumps(api)).get("status") for api in run.of("api")] == [200, 200]


def test_a_program_that_cannot_be_read(tmp_path, capsys):
    run = run_board(capsys, "--program", tmp_path / "none.py", "--until", "linked")
    assert run.exit_code == 2
    assert run.complaint[0] == f"{tmp_path / 'none.py'} cannot be read: No such file or directory"
    (tmp_path / "latin.py").write_bytes(b"# \xe9")
    run = run_board(capsys, "--program", tmp_path / "latin.py", "--until", "linked")
    assert run.exit_code == 2
    assert "it is not UTF-8" in run.complaint[0]
