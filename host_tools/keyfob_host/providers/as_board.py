"""The board's own code, asking a provider from this computer, in the MicroPython VM.

What passes here works on a board: HTTP, TLS with its ciphers, curves and signatures, certificates
and the heap are a board's. The VM's TLS speaks a little less than an ESP32's, which has AES-CCM.
"""

from __future__ import annotations

import binascii
import json
import os
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from keyfob.oauth.messages import Reply
from keyfob_host.boards import all_boards, load_board
from keyfob_host.errors import CliError
from keyfob_host.providers.roots import RootError
from keyfob_host.vm import executable, in_the_vm

_PROGRAM = Path(__file__).parents[1] / "on_vm" / "ask.py"
_PATIENCE = 60.0  # s for one program, whose requests have 10 s each


@dataclass
class Heard:
    """What a board got to hear: replies by address, and by task what went wrong."""

    replies: dict[str, Reply] = field(default_factory=dict)
    troubles: dict[str, RootError] = field(default_factory=dict)


def ask(
    tasks: Sequence[str], document: Mapping[str, Any], roots: Sequence[bytes], board: str | None
) -> Heard:
    """Have a board that is configured by `document` do `tasks`, one after another.

    See `on_vm/ask.py` for what these are. `roots` are DER. The heap is that of `board`, or
    the smallest that a known board has. Raises CliError where the VM itself fails.
    """
    from keyfob_host.firmware.compiler import compiled_firmware

    program = executable()
    assert program is not None
    boards = [load_board(board)] if board else all_boards()
    heap = in_the_vm(min(known.heap_limit for known in boards))
    paths = [f"/ca/{number}.der" for number in range(len(roots))]
    files = {
        **compiled_firmware(),
        **dict(zip(paths, roots, strict=True)),
        "/keyfob.json": json.dumps({**document, "ca": paths}, ensure_ascii=False).encode(),
    }
    with tempfile.TemporaryDirectory(prefix="keyfob-") as folder:
        for path, content in files.items():
            target = Path(folder + path)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        try:
            done = subprocess.run(
                [program, "-X", f"heapsize={heap}", _PROGRAM, folder, *tasks],
                env=os.environ | {"MICROPYPATH": os.pathsep.join([folder + "/lib", ".frozen"])},
                capture_output=True,
                timeout=_PATIENCE,
                check=False,
            )
        except subprocess.TimeoutExpired:
            message = f"a board does not come to an end with this provider in {_PATIENCE:g} s"
            raise RootError("timeout", message, "try again later") from None
    return _heard(done, tasks)


def _heard(done: subprocess.CompletedProcess[bytes], tasks: Sequence[str]) -> Heard:
    heard = Heard()
    for line in done.stdout.decode("utf-8", "replace").splitlines():
        try:
            kind, *rest = json.loads(line)
        except ValueError:
            break  # a traceback
        if kind == "reply":
            address, status, headers, body = rest
            heard.replies[address] = Reply(status, headers, binascii.a2b_base64(body))
        else:
            task, kind, message, hint = rest
            heard.troubles[task] = RootError(kind, message, hint or "try again later")
    if done.returncode:
        last = (done.stdout + done.stderr).decode("utf-8", "replace").strip().splitlines()[-1:]
        if last and last[0].startswith("MemoryError"):
            message = "a board's memory does not suffice for this provider"
            trouble = RootError("memory", message, "a board with more memory")
            heard.troubles.update(dict.fromkeys(tasks, trouble))
        else:
            raise CliError(f"the MicroPython VM fails: {' '.join(last)}", "make setup")
    return heard
