"""The device verbs in this process, against the serial port of a virtual board."""

import json
import os
import pty
import threading
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest
from virtual_port import VirtualPort

from keyfob_host import cli
from keyfob_sim.server import MockServer, ServerOptions


class Verbs:
    """Runs `keyfob VERB --port PORT` and keeps what it printed."""

    def __init__(self, port: VirtualPort, capsys: pytest.CaptureFixture[str]) -> None:
        self.port = port
        self._capsys = capsys

    def run(self, verb: str, *words: str) -> tuple[int, str, str]:
        """Exit code, stdout and stderr."""
        self._capsys.readouterr()
        code = cli.main([verb, "--port", str(self.port.path), *words])
        out, err = self._capsys.readouterr()
        return code, out, err

    def json(self, verb: str, *words: str) -> Any:
        """The one JSON object that a verb that goes well prints."""
        code, out, err = self.run(verb, "--json", *words)
        assert (code, err) == (0, ""), out + err
        (line,) = out.splitlines()
        return json.loads(line)

    def change_config(self, **fields: object) -> None:
        """Change fields of the board's /keyfob.json, past `keyfob configure`."""
        code = "import json\nd = json.load(open('/keyfob.json'))\n"
        code += f"d.update({fields!r})\n"
        code += "f = open('/keyfob.json', 'w')\njson.dump(d, f)\nf.close()\n"
        self.port.run(code)


def server_of(port: VirtualPort) -> dict[str, Any]:
    """The `server` event of a virtual board's run."""
    return next(event for event in port.events if event["event"] == "server")


class Provider:
    """A server that is asked every second, and answers a poll once somebody has decided.

    So a person's decision is no race with the board.
    """

    def __init__(self, folder: Path) -> None:
        config = folder / "provider.toml"
        config.write_text("interval = 1\n", "utf-8")
        self._server = MockServer(ServerOptions(config=config))
        self._decided = threading.Event()
        self._decided.set()

    def __enter__(self) -> "Provider":
        about = self._server.start()
        self.issuer = about["issuer"]
        self._admin = about["admin"]
        http = self._server._http
        answer = http.app

        def wait(environ: dict[str, Any], start_response: Any) -> Any:
            if about["token_endpoint"].endswith(environ["PATH_INFO"]):
                assert self._decided.wait(20)
            return answer(environ, start_response)

        http.app = wait
        return self

    def __exit__(self, *_: object) -> None:
        self._decided.set()
        self._server.stop()

    def hold(self) -> None:
        """Let polls wait for `decide`."""
        self._decided.clear()

    def decide(self, action: str, user_code: str) -> None:
        """Approve or deny a code at the admin API."""
        body = json.dumps({"user_code": user_code}).encode()
        request = Request(f"{self._admin}/{action}", body, {"Content-Type": "application/json"})
        with urlopen(request, timeout=10) as reply:
            assert reply.status == 200
        self._decided.set()


@contextmanager
def speaking(answer: Callable[[bytes], bytes], greeting: bytes = b"") -> Iterator[Path]:
    """A pseudo-terminal on which something answers that is no board of ours; its path."""
    ours, theirs = pty.openpty()
    tty.setraw(theirs)
    os.write(ours, greeting)

    def serve() -> None:
        while True:
            try:
                heard = os.read(ours, 1024)
                os.write(ours, answer(heard))
            except OSError:
                return

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield Path(os.ttyname(theirs))
    finally:
        os.close(theirs)
        os.close(ours)
