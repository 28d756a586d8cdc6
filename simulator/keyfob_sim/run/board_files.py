"""What the simulator puts on a board's flash before power-on: configuration and firmware."""

import json
import platform
import sys
import tempfile
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import Any

from littlefs.errors import LittleFSError

from keyfob.config import parse
from keyfob.errors import ConfigError
from keyfob.oauth import url
from keyfob_host.boards import board_file
from keyfob_host.errors import CliError, UsageError
from keyfob_host.firmware.compiler import compiled_firmware
from keyfob_host.providers.presets import check_fields, is_preset, named, provider_object
from keyfob_host.providers.roots import read_roots, roots_for
from keyfob_host.resources import firmware_dir
from keyfob_sim.hardware.board import PASSWORD, SSID
from keyfob_sim.hardware.filesystem import FileSystem, open_littlefs
from keyfob_sim.hardware.flash import Flash
from keyfob_sim.hardware.power import PowerGate
from keyfob_sim.run.options import SimOptions
from keyfob_sim.server.apis import with_mocked_origins

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_CA = "ca"
# mpy-cross's names of this machine's architecture, whose code the VM runs.
_VM_ARCHES = {"x86_64": "x64", "amd64": "x64"}
_OURS = (f"/{_CA}", "/lib/keyfob")  # files of an earlier run are removed from here


class BoardError(CliError):
    """The board cannot be set up; `kind` is that of the `error` event."""

    def __init__(self, kind: str, message: str, hint: str) -> None:
        super().__init__(message, hint)
        self.kind = kind


def vm_arch() -> str | None:
    """The architecture whose machine code the VM runs here, None where mpy-cross has none."""
    return _VM_ARCHES.get(platform.machine().lower())


def install(flash: Flash, options: SimOptions, server: dict[str, Any] | None) -> None:
    """Put on the board what it needs for a run, and leave the rest of its files alone.

    A blank flash is formatted first. `server` describes the embedded server. Raises UsageError
    for a provider that is not there, RootError for a CA.
    """
    wanted = _configuration(options, server) | _program(options, server)
    fs, is_fresh = _mounted(flash, options.runtime)
    with fs:
        if not is_fresh:
            wanted |= _firmware(options.runtime)
            for folder in _OURS:
                for path in _files(fs, folder):
                    if path not in wanted and not path.endswith("/"):
                        fs.remove(path)
        _write(fs, wanted)


def _configuration(options: SimOptions, server: dict[str, Any] | None) -> dict[str, bytes]:
    """Content by path: `/keyfob.json` with the roots that it names, and `/board.json`."""
    provider = _embedded(options, server) if server else _foreign(options)
    roots = _roots(options, provider, server)
    files = {f"/{_CA}/{number}.der": root for number, root in enumerate(roots)}
    document = {
        "wifi": [{"ssid": SSID, "password": PASSWORD}],
        "provider": provider,
        "scope": options.scope or (server["scope"] if server else None),
        "ca": list(files),
        "allow_http": options.allow_http or server is not None,
        "board": options.board.name,
        "api": options.api,
        "language": options.language,
    }
    files["/keyfob.json"] = _json(document)
    files["/board.json"] = _json(board_file(options.board))
    return files


def _program(options: SimOptions, server: dict[str, Any] | None) -> dict[str, bytes]:
    """Content by path: main.py."""
    if options.program is not None:
        return {"/main.py": _own_program(options.program, server).encode()}
    text = (firmware_dir() / "main.py").read_text("utf-8")
    if options.until.name == "refreshed":
        # With the virtual clock and a server that shares it, each waits for its due time.
        at_once = 0 if options.clock == "virtual" and options.embedded else options.until.count
        text = (
            Path(__file__).with_name("on_board").joinpath("refreshing_main.py").read_text("utf-8")
        )
        text = text.replace("AT_ONCE = 0", f"AT_ONCE = {at_once}")
    if options.serial is None:
        # Without a serial port there is no Ctrl-C to wait for.
        text = text.replace("WINDOW = 2", "WINDOW = 0")
    return {"/main.py": text.encode()}


def _own_program(path: Path, server: dict[str, Any] | None) -> str:
    """The program in a file; where there is an embedded `server`, it calls the APIs of that."""
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is not UTF-8"
        raise UsageError(f"{path} cannot be read: {why}", "--program FILE, in Python") from None
    return with_mocked_origins(text, server["issuer"]) if server else text


@cache
def _firmware(runtime: str) -> dict[str, bytes]:
    """Content by path: the firmware as a board has it, compiled; nothing where CPython runs it."""
    return compiled_firmware(vm_arch()) if runtime == "micropython" else {}


def _json(document: dict[str, Any]) -> bytes:
    return json.dumps(document, indent=2, ensure_ascii=False).encode() + b"\n"


def _mounted(flash: Flash, runtime: str) -> tuple[FileSystem, bool]:
    """The file system, and whether it is new: it holds the firmware then."""
    try:
        return open_littlefs(flash), False
    except LittleFSError:
        if flash.is_blank:
            flash.fill(_fresh(flash.size, runtime))
            return open_littlefs(flash), True
        raise BoardError(
            "storage",
            "the file system on the board's flash is beyond repair",
            "remove the --state-dir to begin with an empty one",
        ) from None


@cache
def _fresh(size: int, runtime: str) -> bytes:
    """What a flash of `size` bytes begins with that holds the firmware and nothing else.

    It is worked out once a process: littlefs takes longer for that than for the rest of a run.
    """
    with (
        tempfile.TemporaryDirectory() as folder,
        closing(Flash(Path(folder, "flash.img"), size, PowerGate())) as flash,
    ):
        with open_littlefs(flash, fmt=True) as fs:
            _write(fs, _firmware(runtime))
        return flash.written()


def _files(fs: FileSystem, folder: str) -> list[str]:
    """Paths of all files below a folder that may be missing."""
    try:
        return [f"{base}/{name}" for base, _, names in fs.walk(folder) for name in names]
    except LittleFSError:
        return []


def _write(fs: FileSystem, files: dict[str, bytes]) -> None:
    """Write files by path, but for those that have their content already, to spare the flash."""
    folders: set[str] = set()  # made so far: littlefs looks long for what is there
    for path, content in files.items():
        folder = path.rpartition("/")[0]
        try:
            with fs.open(path, "rb") as file:
                if file.read() == content:
                    continue
        except (LittleFSError, OSError):
            if folder not in folders:
                fs.makedirs(folder, exist_ok=True)
                folders.add(folder)
        with fs.open(path, "wb") as file:
            file.write(content)


def _embedded(options: SimOptions, server: dict[str, Any]) -> dict[str, Any]:
    """The provider object for one of the embedded server's ready-made clients."""
    auth = options.client_auth or "none"
    wanted = options.client_id
    for client in server["clients"]:
        if client["client_id"] == wanted or (wanted is None and client["client_auth"] == auth):
            return {
                "issuer": server["issuer"],
                "client_id": client["client_id"],
                "client_secret": options.client_secret or client["client_secret"],
                "client_auth": options.client_auth or client["client_auth"],
            }
    known = " or ".join(client["client_id"] for client in server["clients"])
    raise UsageError(f"the embedded server has no client {wanted!r}", f"--client-id {known}")


def _foreign(options: SimOptions) -> dict[str, Any]:
    provider = {"issuer": options.issuer} if options.issuer else _named(options)
    for field in ("client_id", "client_secret", "client_auth"):
        value = getattr(options, field)
        if value is not None:
            provider[field] = value
    for name, value in [*provider.items(), ("--api", options.api)]:
        if isinstance(value, str) and _is_open_http(value) and not options.allow_http:
            raise UsageError(
                f"{name} is an http address, where secrets would travel unprotected",
                "https, or --allow-http on a test network",
            )
    if not provider.get("client_id"):
        raise UsageError("--provider needs --client-id", "the ID that the provider issued")
    check_fields(provider, options.allow_http)
    return provider


def _named(options: SimOptions) -> dict[str, Any]:
    """The provider object of a preset, or of a file."""
    name = options.provider or ""
    path = Path(name)
    if is_preset(name) or not (path.suffix or path.exists()):
        return provider_object(*named(name), options.client_id, options.client_secret)
    return _from_file(name)


def _is_open_http(address: str) -> bool:
    try:
        scheme, host, _, _ = url.split(address)
    except ValueError:
        return False
    return scheme == "http" and not url.is_loopback(host)


def _from_file(name: str) -> dict[str, Any]:
    """The provider object in a JSON or TOML file."""
    path = Path(name)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{name} cannot be read: {error.strerror}", "--provider FILE") from None
    try:
        if path.suffix == ".toml":
            document = tomllib.loads(content.decode("utf-8-sig"))
        else:
            document = parse(content, name)  # as a board reads its /keyfob.json
    except UnicodeDecodeError:
        raise UsageError(f"{name} is not UTF-8", "save it as UTF-8 in the editor") from None
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise UsageError(f"{name} is not valid TOML: {error}", "check it there") from None
    except ConfigError as error:
        raise UsageError(error.message, error.hint or "check it") from None
    if not isinstance(document, dict):
        raise UsageError(f"{name} does not hold an object", "the provider's fields by name")
    return document


def _roots(
    options: SimOptions, provider: dict[str, Any], server: dict[str, Any] | None
) -> list[bytes]:
    if server is not None:
        return read_roots(Path(server["ca"])) if server.get("ca") else []
    if options.ca is not None:
        return read_roots(options.ca)
    addresses = [value for name, value in provider.items() if name.endswith("_endpoint")]
    found: list[bytes] = []
    for address in [provider.get("issuer"), options.api, *addresses]:
        if isinstance(address, str) and address.lower().startswith("https://"):
            found += [root for root in roots_for(address) if root not in found]
    return found
