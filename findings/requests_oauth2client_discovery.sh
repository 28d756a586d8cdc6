#!/bin/sh
# requests_oauth2client 1.8.0 makes a client from a discovery document and drops its
# device_authorization_endpoint (RFC 8628 section 4); the other endpoints are kept. Passing the
# address as an argument of its own works.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install -qq --disable-pip-version-check requests_oauth2client==1.8.0

cat >"$dir/expected" <<'END'
token_endpoint https://login.example.com/token
revocation_endpoint https://login.example.com/revoke
device_authorization_endpoint None
given as an argument https://login.example.com/device
END
"$dir/venv/bin/python" - <<'END' | tee "$dir/seen"
from requests_oauth2client import OAuth2Client

BASE = "https://login.example.com"
DOCUMENT = {
    "issuer": BASE,
    "token_endpoint": BASE + "/token",
    "revocation_endpoint": BASE + "/revoke",
    "device_authorization_endpoint": BASE + "/device",
}
client = OAuth2Client.from_discovery_document(DOCUMENT, client_id="lamp")
for name in ("token_endpoint", "revocation_endpoint", "device_authorization_endpoint"):
    print(name, getattr(client, name))
told = OAuth2Client(
    token_endpoint=DOCUMENT["token_endpoint"],
    device_authorization_endpoint=DOCUMENT["device_authorization_endpoint"],
    client_id="lamp",
)
print("given as an argument", told.device_authorization_endpoint)
END
diff "$dir/expected" "$dir/seen"
echo "as noted: the device endpoint of the document is not used"
