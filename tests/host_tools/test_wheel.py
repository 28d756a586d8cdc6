"""The command works alike from the checkout and from an installed wheel."""

import json
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
RUN = ["--json", "--approve", "auto", "--clock", "virtual", "--until", "linked"]


def run(*command: object, cwd: Path = ROOT) -> str:
    words = [str(word) for word in command]
    done = subprocess.run(
        words, cwd=cwd, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=120
    )
    assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder)
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program folder of an environment with the wheel in it and nothing of the checkout.

    Dependencies come from this environment's packages by a path file, which does not follow
    the path file of the editable install beside them: nothing needs to be downloaded.
    """
    folder = tmp_path_factory.mktemp("installed")
    venv.create(folder, with_pip=False)
    scripts = folder / Path(sysconfig.get_path("scripts")).name
    where = "import sysconfig; print(sysconfig.get_path('purelib'))"
    packages = Path(run(scripts / "python", "-c", where).strip())
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    pip = [sys.executable, "-m", "pip", "--python", scripts / "python", "install", "--quiet"]
    run(*pip, "--no-deps", "--no-index", "--disable-pip-version-check", wheel)
    return scripts


def check_sim(program: Path, cwd: Path) -> None:
    events = [json.loads(line) for line in run(program, "sim", *RUN, cwd=cwd).splitlines()]
    assert [e["event"] for e in events if e["event"] in ("server", "boot", "linked", "end")] == [
        "server",
        "boot",
        "linked",
        "end",
    ]
    assert events[-1]["reached"]


def test_sim_from_the_checkout(tmp_path):
    check_sim(Path(sysconfig.get_path("scripts")) / "keyfob", tmp_path)


def test_sim_from_a_wheel(installed, tmp_path):
    check_sim(installed / "keyfob", tmp_path)


def test_a_wheel_uses_its_own_files(installed, tmp_path):
    source = (
        "import keyfob, keyfob_host, keyfob_sim\n"
        "from keyfob_host import resources\n"
        "for module in (keyfob, keyfob_host, keyfob_sim): print(module.__file__)\n"
        "print(resources.firmware_dir() / 'keyfob' / 'errors.py')\n"
        "print(resources.firmware_dir() / 'main.py')\n"
        "print(resources.boards_dir() / 'esp32-generic' / 'board.toml')\n"
        "from keyfob_host.providers import presets as providers\n"
        "from keyfob_sim.server.personality import PERSONALITIES\n"
        "print(providers.PRESETS / 'github.toml')\n"
        "print(providers.SCHEMAS / 'provider.json')\n"
        "print(PERSONALITIES / 'github.toml')\n"
    )
    places = run(installed / "python", "-c", source, cwd=tmp_path).split()
    assert len(places) == 9
    for place in map(Path, places):
        assert place.is_file()
        assert place.is_relative_to(installed.parent)


def test_a_wheel_brings_types(installed, tmp_path):
    program = tmp_path / "program.py"
    program.write_text(
        "from keyfob import AccountLink\n"
        "from keyfob_host.boards import Board\n"
        "from keyfob_sim.server import ServerOptions\n"
        "async def call(link: AccountLink, board: Board, options: ServerOptions) -> None:\n"
        "    reply = await link.get(board.name)\n"
        "    reveal_type((link.account, reply.status, options.approve, board.name))\n"
    )
    cache = f"--cache-dir={tmp_path / 'cache'}"
    seen = run(
        *(sys.executable, "-m", "mypy", "--config-file=", cache, "--strict"),
        *("--python-executable", installed / "python", program),
        cwd=tmp_path,
    )
    assert '"tuple[str | None, int, str | None, str]"' in seen, seen


def test_a_wheel_holds_the_sources_of_the_checkout_and_no_rubbish(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    carried = {name for name in names if name.startswith("keyfob_host/data/")}
    expected = {
        f"keyfob_host/data/{path.relative_to(ROOT).as_posix()}"
        for folder in ("boards", "firmware")
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and "cache" not in str(path.relative_to(ROOT))
    }
    assert carried == expected
    assert not [name for name in names if "cache" in name or name.endswith(".pyc")]
    assert any(name.endswith("licenses/LICENSE") for name in names)
