"""Draw each board's code screen with the simulator: `python boards/pictures.py`.

The board talks to a server that always gives out the same code, and denies it then, so that the
same firmware draws the same picture: boards/NAME/screen.png, which a test compares with what it
draws today.
"""

import contextlib
import io
import json
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from keyfob_host.boards import known_boards
from keyfob_sim import cli

BOARDS = Path(__file__).parent
PICTURE = "screen.png"

_CODE = {
    "device_code": "not-a-secret",
    "user_code": "WDJB-MJHT",
    "verification_uri": "https://example.com/device",
    "verification_uri_complete": "https://example.com/device?user_code=WDJB-MJHT",
    "expires_in": 900,
    "interval": 5,
}


class _Server(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        is_code = self.path == "/code"
        body = json.dumps(_CODE if is_code else {"error": "access_denied"}).encode()
        self.send_response(200 if is_code else 400)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


def draw(board: str) -> bytes:
    """The PNG of that board's code screen."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Server)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    base = f"http://127.0.0.1:{server.server_port}"
    provider = {"device_authorization_endpoint": f"{base}/code", "token_endpoint": f"{base}/token"}
    try:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "provider.json")
            path.write_text(json.dumps(provider), encoding="utf-8")
            command = ["sim", "--json", "--until", "denied"]
            command += ["--board", board, "--runtime", "cpython", "--clock", "virtual"]
            command += ["--provider", str(path), "--client-id", "board", "--approve", "never"]
            command += ["--screens", str(Path(folder, "screens"))]
            said = io.StringIO()
            with contextlib.redirect_stdout(said):
                cli.main(command)
            for event in map(json.loads, said.getvalue().splitlines()):
                if (event["event"], event.get("name")) == ("screen", "user_code"):
                    return Path(event["png"]).read_bytes()
    finally:
        server.shutdown()
        server.server_close()
    raise SystemExit(f"keyfob: {board} shows no code")


def main() -> None:
    for board in known_boards():
        (BOARDS / board / PICTURE).write_bytes(draw(board))


if __name__ == "__main__":
    main()
