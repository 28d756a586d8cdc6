#!/bin/sh
# loctocat 1.0.3, a client of the device grant, polls again at once after `slow_down`. RFC 8628
# section 3.5 asks for 5 s more from then on. It also needs `interval`, which the server may leave
# out (section 3.2), and sends client_id and device_code in the query instead of the form.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install -qq --disable-pip-version-check loctocat==1.0.3 'setuptools<81'

cat >"$dir/expected" <<'END'
gap after authorization_pending: at least 1 s
gap after slow_down: under 1 s
device_code in the query: True
without interval: KeyError
END
OAUTHLIB_INSECURE_TRANSPORT=1 "$dir/venv/bin/python" - <<'END' | tee "$dir/seen"
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

from loctocat import Authenticator

DEVICE = {
    "device_code": "d",
    "user_code": "WDJB-MJHT",
    "verification_uri": "http://127.0.0.1/",
    "expires_in": 60,
    "interval": 1,
}
ANSWERS = ["authorization_pending", "slow_down", None]
polls, queries = [], []


class Server(BaseHTTPRequestHandler):
    def do_POST(self):
        if self.path.startswith("/device"):
            reply, status = DEVICE, 200
        else:
            polls.append(time.monotonic())
            queries.append(self.path)
            error = ANSWERS[len(polls) - 1]
            reply = {"error": error} if error else {"access_token": "t", "token_type": "Bearer"}
            status = 400 if error else 200
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(reply).encode())

    def log_message(self, *ignored):
        pass


server = HTTPServer(("127.0.0.1", 0), Server)
threading.Thread(target=server.serve_forever, daemon=True).start()
base = "http://127.0.0.1:%d" % server.server_port


def client():
    return Authenticator("lamp", base + "/device", base + "/token")


one = client()
one.ping()
one.poll()
gaps = [later - earlier for earlier, later in zip(polls, polls[1:])]
for answer, gap in zip(ANSWERS, gaps):
    print("gap after %s: %s 1 s" % (answer, "at least" if gap >= 1 else "under"))
print("device_code in the query:", all("device_code=d" in query for query in queries))
del DEVICE["interval"]
try:
    client().ping()
    print("without interval: read")
except KeyError as error:
    print("without interval:", type(error).__name__)
END
diff "$dir/expected" "$dir/seen"
echo "as noted: no pause after slow_down"
