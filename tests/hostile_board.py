"""A serial port behind which something answers that means no good, in a time of its own.

It speaks MicroPython's REPLs well enough to be let in, and what it then says is right, half
right, damaged or made to harm, by the numbers of a `random.Random`. So a run can be repeated.
Nothing waits: time passes where somebody looks at the clock, sleeps or reads.
"""

import json
import random
import re
from base64 import b64decode, b64encode
from hashlib import sha256
from typing import Any

from serial import SerialException

PATHS = ("/etc/passwd", "../../../../etc/passwd", "/lib/keyfob/../../etc/passwd", "keyfob.base")
# What terminals, parsers, formats and file systems have stumbled over.
TEXTS = (
    *("", " ", "None", "nan", "-1", "{0}{port}%s%n", "a\r\nb", "\x00", "\t", "\x07", "\x7f"),
    *("\x1b[2J\x1b[H", "\x1b]0;title\x07", "\x1b]8;;http://x\x1b\\", "\x9b31m", "\r\x1b[K"),
    *("\u202egnp.exe", "\u200b", "\ufeff", "\ud800", "\udcff", "\U0001f600", "é", "x" * 9000),
    *("]" * 500, "@{}", "keyfob: no\ntry: yes", "\x04\x04>", ">>> ", "http://[::1", *PATHS),
    *('{"event": "linked"}', 'Traceback (most recent call last):\n  File "/etc/passwd", line 1'),
)
VALUES = (
    *(None, True, False, 0, -1, 1, 65, 2**31, 2**63, 10**400, 0.5, -0.0, 1e308),
    *(float("nan"), float("inf"), [], {}, [[]], {"": ""}, [None] * 2000),
)
RAW = b"raw REPL; CTRL-B to exit\r\n>"
PROMPT = b"\r\nMicroPython v1.29.0; a board\r\n>>> "

CONFIG: dict[str, Any] = {
    "wifi": [{"ssid": "home", "password": "correct horse"}],
    "provider": {"issuer": "https://login.example.com", "client_id": "fob"},
    "scope": "openid",
    "ca": ["/ca/00000000.der"],
    "board": "esp32-ssd1306",
}
FILES: dict[str, Any] = {
    "/keyfob.json": CONFIG,
    "/board.json": {"name": "esp32-ssd1306", "display": {}},
    "/ca/00000000.der": "no certificate",
}
# What the programs of on_board/ answer, by words that only they have.
ANSWERS: tuple[tuple[str, Any], ...] = (
    (
        '"configured":',
        {
            "name": "micropython",
            "version": [1, 29, 0],
            "mpy": 6 | 3 << 8,
            "machine": "Generic ESP32 module with ESP32",
            "size": 2097152,
            "free": 1048576,
            "block": 4096,
            "keyfob": "0.1.0",
            "configured": True,
        },
    ),
    ('"/keyfob-test.tmp"\ntry:', None),
    (
        "told = {",
        {
            "machine": "Generic ESP32 module with ESP32",
            "micropython": "1.29.0",
            "board": "esp32-ssd1306",
            "keyfob": "0.1.0",
            "linked": True,
        },
    ),
    ("def attempt(", ["passed", "found 0x3c", None]),
    ("async def look(", None),
    (
        "account.load()",
        {
            "linked": True,
            "account": "Ana",
            "scope": "openid",
            "provider": "https://login.example.com",
            "board": "esp32-ssd1306",
        },
    ),
    ("class Trial(", [[["start", 1, 90000, 4000, 80000, 30000]], None]),
    ("station.scan()", None),
)
EVENTS: tuple[dict[str, Any], ...] = (
    {"event": "wifi", "state": "joined"},
    {"event": "clock", "state": "set", "source": "ntp"},
    {
        "event": "user_code",
        "user_code": "ABCD-EFGH",
        "verification_uri": "https://login.example.com/device",
        "verification_uri_complete": "https://login.example.com/device?user_code=ABCD-EFGH",
        "expires_in": 600,
        "interval": 5,
        "resumed": False,
    },
    {"event": "screen", "name": "user_code"},
    {"event": "poll", "result": "pending", "error": None, "interval": 5, "took": 20},
    {"event": "linked", "account": "Ana", "scope": "openid", "stored": False},
    {"event": "api", "status": 200},
    {"event": "refreshed", "rotated": True},
    {"event": "denied"},
    {"event": "expired", "lost": "HTTP 502"},
    {"event": "unlinked", "revoked": True},
    {"event": "error", "kind": "tls", "message": "no", "hint": None, "fatal": True},
)
ERRORS = (
    'Traceback (most recent call last):\r\n  File "<stdin>", line 1\r\nMemoryError: \r\n',
    "OSError: [Errno 2] ENOENT\r\n",
    "OSError: [Errno 13] EACCES\r\n",
    "OSError: 110\r\n",
    "OSError",
    "\r\n\r\n",
)


# What esptool says, of a chip and of an image that it writes.
ESPTOOL = (
    "esptool v5.1.0",
    "Connecting....",
    "Detecting chip type... Autodetection failed, trying again...",
    "Detecting chip type... ESP32",
    "Connected to ESP32 on /dev/hostile:",
    "MAC:                24:6f:28:00:00:00",
    "Detected flash size: 4MB",
    "Writing at 0x00001000... [=====>    ] 1e9% 99.9% (1 %)",
    "Hash of data verified.",
    "A fatal error occurred: {0} {port}",
    "This chip is ESP32-C3, not ESP32. Wrong chip",
    "MD5 of file does not match data in flash!",
)


class HostileEsptool:
    """The process that runs esptool, whose words a chip may have had a hand in."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def __call__(self, *_: object, **__: object) -> "HostileEsptool":
        """Begin, as subprocess.Popen does."""
        lies = self.random.choice((0.0, 0.1, 0.5))
        lines = [
            self.random.choice(TEXTS) if self.random.random() < lies else line
            for line in ESPTOOL
            if self.random.random() > lies
        ]
        self.stdout = [line + "\n" for line in lines]
        return self

    def wait(self, timeout: float | None = None) -> int:
        """The exit code."""
        return self.random.choice((0, 0, 0, 1, 2))

    def poll(self) -> int:
        """The exit code: it has ended."""
        return 0

    def kill(self) -> None:
        """Nothing: it has ended."""


class HostileBoard:
    """A port of pyserial, and the clock of all of it. How often it lies is one of its secrets."""

    def __init__(self, seed: int, pulse: str = "") -> None:
        self.random = random.Random(seed)
        self.now = 0.0
        self.closed = False
        self.timeout: float = 0
        self.write_timeout: float = 0
        self.dtr = self.rts = False
        self._lies = self.random.choice((0.0, 0.02, 0.1, 0.4))  # of what it says
        self._breaks = self.random.choice((0.0, 0.0, 0.0, 0.02))  # of what it is asked
        self._arrived = bytearray()
        self._floods = False  # it goes on for ever
        self._is_gone = False
        self._is_raw = False
        self._program: bytes | None = None
        self._window = 0  # bytes of raw paste, 0 outside of it
        self.written: dict[str, bytes] = {}  # files by path
        self._writes = ""  # the one that is open
        self._talks = bool(pulse)  # without being asked
        if self._talks:
            self._say(self._lines())

    # The clock

    def monotonic(self) -> float:
        self.now += 1e-5
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    # The port

    def isOpen(self) -> bool:  # noqa: N802 - pyserial's name
        return True

    def close(self) -> None:
        self.closed = True

    @property
    def in_waiting(self) -> int:
        if self._is_gone:
            raise SerialException("device reports readiness to read but returned no data")
        if self._talks and not self._arrived and self.random.random() < 0.1:
            self.now += 0.5
            self._say(self._lines())
        return len(self._arrived) or int(self._floods)

    def read(self, size: int = 1) -> bytes:
        if not self.in_waiting:
            self.now += self.timeout
            return b""
        self.now += 1e-4  # 115200 baud, about
        if not self._arrived:
            self.now += 1e-3
            return self.random.randbytes(1)
        data = bytes(self._arrived[:size])
        del self._arrived[:size]
        return data

    def write(self, data: bytes) -> int:
        if self._is_gone:
            raise SerialException("write failed: [Errno 5] Input/output error")
        for octet in data:
            self._take(bytes((octet,)))
        return len(data)

    # MicroPython, more or less

    def _take(self, octet: bytes) -> None:
        if self._program is not None and octet == b"\x04":
            program, self._program = bytes(self._program), None
            self._say((b"\x04" if self._window else b"OK") + self._answer(program.decode()))
            self._window = 0
        elif self._window:
            self._program = (self._program or b"") + octet
            if len(self._program) % self._window == 0:
                self._say(b"\x01")
        elif octet == b"\x01":
            is_paste = self._program == b"\x05A"
            self._is_raw, self._program = True, None
            self._say(self._paste() if is_paste else RAW)
        elif octet == b"\x02":
            self._is_raw, self._program = False, None
            self._say(PROMPT)
        elif octet == b"\x03":
            self._program = None
            self._say(b"" if self._is_raw else b"\r\n>>> ")
        elif octet == b"\x04":
            self._say((b"OK\r\n" if self._is_raw else b"") + b"MPY: soft reboot\r\n")
            self._say(RAW if self._is_raw else PROMPT)
        elif self._is_raw and octet not in b"\r":
            self._program = (self._program or b"") + octet

    def _paste(self) -> bytes:
        if self.random.random() < self._lies:
            return b"R\x01\x00\x00" + b"\x01" * 500
        self._window = self.random.choice((0, 0, 128, 32))
        if self._window:
            self._program = b""
            return b"R\x01" + self._window.to_bytes(2, "little")
        return self.random.choice((b"R\x00", RAW))

    def _say(self, data: bytes) -> None:
        if self.random.random() < self._lies / 4:
            damage = self.random.randrange(6)
            at = self.random.randrange(len(data) + 1)
            if damage == 0:
                data = data[:at]
            elif damage == 1:
                data = data[:at] + self.random.randbytes(40) + data[at:]
            elif damage == 2:
                data = self.random.choice(TEXTS).encode("utf-8", "surrogatepass")
            elif damage == 3:
                self._floods = True
            elif damage == 4:
                data += data
            else:
                data = b""
        if self.random.random() < self._breaks / 4:
            self._is_gone = True
        self._arrived += data

    def _answer(self, program: str) -> bytes:
        """What a program prints, its end, its error and the end of that."""
        if self.random.random() < self._lies:
            error = self.random.choice((*ERRORS, *TEXTS)).encode("utf-8", "surrogatepass")
            return b"\x04" + error + b"\x04>"
        text = self._printed(program).encode("utf-8", "surrogatepass")
        return b"\x04" + text + b"\x04>" if text == ERRORS[1].encode() else text + b"\x04\x04>"

    def _printed(self, program: str) -> str:
        proof = re.fullmatch(r"print\('keyfob', (\d+)\)", program)
        if proof:
            return f"keyfob {proof[1]}\r\n"
        wanted = re.match(r"PATH = '([^']*)'", program)
        if wanted and "b2a_base64" in program:
            content = FILES.get(wanted[1])
            if content is None:
                return ERRORS[1]
            data = self._damaged_json(content).encode("utf-8", "surrogatepass")
            return self._damaged_text(b64encode(data).decode()) + "\r\n"
        for words, answer in ANSWERS:
            if words in program:
                return self._damaged_json(answer) + "\r\n"
        if "run(Linking)" in program or "link.unlink()" in program:
            return self._lines().decode("utf-8", "surrogateescape")
        if "sha256" in program:
            lines = [f"- 0 /lib/{name}/" for name in ("keyfob-00000000", "keyfob-1", *PATHS)]
            lines += [f"{'0' * 64} 9 /lib/keyfob-1/{name}" for name in ("a.mpy", *PATHS)]
            lines += [
                f"{sha256(data).hexdigest()} {len(data)} {path}"
                for path, data in self.written.items()
            ]
            return self._damaged_text("\r\n".join(lines)) + "\r\n"
        if "keyfob.__path__" in program:
            pointer = self.written.get("/lib/keyfob.py", b"").decode()
            return self._damaged_text(pointer.partition('__path__ = "')[2].partition('"')[0])
        self._write(program)
        return self._damaged_text("")

    def _write(self, program: str) -> None:
        """Do what a program does that writes a file, a piece of it, or renames it."""
        begun = re.search(r"_f = open\('([^']*)', 'wb'\)", program)
        if begun:
            self._writes = begun[1]
            self.written[self._writes] = b""
        piece = re.match(r"_f\.write\(_d\('([^']*)'\)\)", program)
        if piece:
            before = self.written.get(self._writes, b"")
            self.written[self._writes] = before + b64decode(piece[1])
        renamed = re.search(r"os\.rename\('([^']*)', '([^']*)'\)", program)
        if renamed and renamed[1] in self.written:
            self.written[renamed[2]] = self.written.pop(renamed[1])

    # Lies

    def _lines(self) -> bytes:
        """What an application prints: events and other lines, about what such programs print."""
        lines: list[str] = []
        for _ in range(self.random.randrange(1, 30)):
            line = "@" + self._damaged_json(self.random.choice(EVENTS))
            if self.random.random() < 0.3:
                path = self.random.choice(PATHS)
                line = f'  File "{path}", line {self.random.choice((1, 3, 10**9))}, in look'
            elif self.random.random() < 0.2:
                line = self.random.choice(TEXTS)
            lines.append(line)
        return "\r\n".join(lines).encode("utf-8", "surrogatepass") + b"\r\n"

    def _damaged_json(self, value: Any) -> str:
        text = json.dumps(self._damaged(value), ensure_ascii=self.random.random() < 0.5)
        return self._damaged_text(text)

    def _damaged(self, value: Any) -> Any:
        if self.random.random() < self._lies / 2:
            return self.random.choice((*TEXTS, *VALUES))
        if isinstance(value, dict):
            members = {name: self._damaged(member) for name, member in value.items()}
            if self.random.random() < self._lies:
                members[self.random.choice((*TEXTS, *members))] = self.random.choice(VALUES)
            if members and self.random.random() < self._lies:
                members.pop(self.random.choice(list(members)))
            return members
        if isinstance(value, list):
            items = [self._damaged(item) for item in value]
            return items * 2 if self.random.random() < self._lies / 4 else items
        return value

    def _damaged_text(self, text: str) -> str:
        if self.random.random() >= self._lies / 2:
            return text
        at = self.random.randrange(len(text) + 1)
        return self.random.choice(
            (
                text[:at],
                text[:at] + self.random.choice(TEXTS) + text[at:],
                self.random.choice(TEXTS),
                "[" * self.random.choice((60, 5000, 100_000)),
                "b'" + "\\x00" * 5000 + "'",
                str(self.random.choice(VALUES)),
                "-" * 3000 + "1",
            )
        )
