"""The VM's side of the virtual board: whatever a board has and a PC lacks is asked of the host.

`start` is called before boot.py. The modules beside this file are what a board has in ROM, in C:
all are loaded from the start, and the VM's heap is larger by what they take (`vm.ROM_SHARE`).

A request is one packet to the host: a number that its reply repeats, a letter that says what
is wanted, two integers, and perhaps data. Every packet from the host has the same size, since a
stream's `readinto` goes on until its buffer is full. `services.py` lists the letters. Flash is
read from the host's file of it.

What a board does in C costs it no heap, so reading flash and waiting leave no garbage here to
speak of. The VM takes a call's variables from the heap where they need more than eleven words,
which a `try` takes three of: what is called often keeps below that.
"""

import builtins
import gc
import json
import os
import sys
from struct import pack_into, unpack_from

import uctypes
import vfs
from micropython import const, schedule
from uselect import POLLIN, poll
from utime import ticks_ms

_HEADER = const(8)  # bytes: number, kind, size of the payload, value
_PAYLOAD = const(1024)  # bytes
_BLOCK = const(4096)  # bytes of flash that are erased together; also of a request's data
_ENOMEM = const(-12)
_INTERRUPT = const(1)  # kinds of packets from the host
_ERROR = const(2)
_COLLECT = const(-1)  # instead of a figure: the heap would grow, before which a chip collects
_AT_START = const(1)  # whether the blocks that `look` shows are the stand-ins'
_ROM = ("time", "select", "socket", "os", "machine", "network", "ntptime", "esp32")

interrupts = {}  # what to call when the host says that something happened
skew = 0  # ms that ticks run ahead of the host's; never behind: asyncio's C part reads those
virtual = False
port = None

_GARBAGE = const(16384)  # bytes
_STATE = const(1600)  # bytes of the VM's state that are searched
_blocks = None  # (the table of the heap's blocks,)

_HEAD = const(10)  # bytes of a request before its data
_request = bytearray(_HEAD + _BLOCK)
_packet = bytearray(_HEADER + _PAYLOAD)
_number = 0
_bell = _bell_end = None  # a pipe
_flash = None  # the host's file of it, to be read
_byte = bytearray(1)
_COLLECTING = gc.disable, gc.enable
_idle = poll()


def receive():
    """Take one packet from the host; if it is an interrupt, serve it."""
    port.readinto(_packet)
    if _packet[1] == _INTERRUPT:
        handler = interrupts.get(_value())
        if handler:
            try:
                schedule(_serve, handler)
            except RuntimeError:
                pass  # too many at once: a board loses some then, too


def _serve(handler):
    """Call what a program scheduled. Ctrl-C is for the program: the VM would drop it here.

    As in `_uninterrupted`, there is no jump on the way out.
    """
    try:
        return handler[0](handler[1])
    except KeyboardInterrupt:
        return _interrupt()


def call(letter, first=0, second=0, data=()):
    """Send a request and return the value of its reply, or raise what the host raised.

    `data` is a sequence of buffers, no more than a block in all; they are sent as one.
    """
    end = _HEAD
    if data:
        end = _put(data[0], end)
        for place in range(1, len(data)):
            end = _put(data[place], end)
    return _exchange(letter, first, second, end)


def _put(part, place):
    """Put a part of a request's data in its place, and return its end."""
    end = place + len(part)
    _request[place:end] = part
    return end


def _exchange(letter, first, second, end):
    """Send a request whose data is in its place already, up to `end`. See `call`."""
    global _number
    _number = (_number + 1) & 0xFF or 1
    _request[0] = _number
    _request[1] = letter
    pack_into("<ii", _request, 2, first, second)
    port.write(_request, end)
    receive()
    while _packet[0] != _number:
        receive()  # that was an interrupt, or the reply to a request that Ctrl-C broke off
    if _packet[1] == _ERROR:
        _fail()
    return _value()


def _fail():
    """Raise what the host raised."""
    name, arguments = json.loads(_text())
    raise getattr(builtins, name)(*arguments)


def ask(name, *arguments):
    """Call a named service of the host with JSON values, and return its JSON value."""
    length = call(74, 0, 0, (json.dumps((name, arguments)).encode(),))
    text = _text()
    while len(text) < length:
        receive()
        text += _text()
    return json.loads(text)


def _value():
    value = _packet[4] | _packet[5] << 8 | _packet[6] << 16 | _packet[7] << 24
    return value - (1 << 32) if value >> 31 else value


def _text():
    return bytes(_packet[_HEADER : _HEADER + _packet[2] + (_packet[3] << 8)])


def skip(ms, sockets):
    """Let virtual time pass, up to `ms` (-1: for ever); False where the wait must be real."""
    global skew
    if not virtual:
        return False
    passed = call(87, ms, sockets)
    if passed < 0:
        return False
    skew += passed
    return True


def look(what=0):
    """Show the host which blocks of the heap are in use, and return what it says; see `M`."""
    if not _blocks:
        return 0
    found = call(77, what, 0, _blocks)
    if found == _COLLECT:
        gc.collect()
        found = call(77, what, 1, _blocks)
    return found


def _find_blocks():
    """The table of the heap's blocks, two bits each, which lies where the VM's state says.

    Beside each other there are the table's address, its size, the address of the finalisers'
    table, and the addresses of the first block and the end.
    """
    state = uctypes.bytearray_at(int(os.getenv("KEYFOB_STATE")), _STATE)
    here = id(state)
    for place in range(0, _STATE - 40, 8):
        table, size, _, first, end = unpack_from("<QQQQQ", state, place)
        if first < here < end and table < first and size * 128 == end - first:
            return (uctypes.bytearray_at(table, size),)
    raise RuntimeError("this VM keeps its heap in another way")


def wait(ms):
    """Sleep, while interrupts are served."""
    end = ticks_ms() + skew + ms
    while ms > 0:
        if not skip(ms, 0):
            for _ in _idle.ipoll(ms):
                receive()
        ms = end - ticks_ms() - skew


class _Flash:
    """The block device of the file system: the host writes to its file, which is read here.

    A board's is in C. No exception may leave this one, for it would leap over littlefs's code
    and leave that in the middle of something: Ctrl-C has to wait. So has the garbage collector,
    which closes files: nothing here takes from the heap before that is off.
    """

    def __init__(self, blocks):
        self._blocks = blocks

    def readblocks(self, block, buffer, offset=0):
        collects = gc.isenabled()
        gc.disable()
        result = _uninterrupted(_read, block, buffer, offset)
        _COLLECTING[collects]()
        return result

    def writeblocks(self, block, buffer, offset=None):
        collects = gc.isenabled()
        gc.disable()
        result = _uninterrupted(_write, block, buffer, offset)
        _COLLECTING[collects]()
        return result

    def ioctl(self, operation, argument):
        collects = gc.isenabled()
        gc.disable()
        result = _uninterrupted(_Flash._control, self, operation, argument)
        _COLLECTING[collects]()
        return result

    def _control(self, operation, argument):
        if operation == 4:
            return self._blocks
        if operation == 5:
            return _BLOCK
        if operation == 6:
            call(69, argument)
        return 0


def _write(block, buffer, offset):
    if offset is None:
        offset = 0
        call(69, block)
    end = _HEAD + len(buffer)
    _request[_HEAD:end] = buffer
    _exchange(80, block * _BLOCK + offset, 0, end)
    return 0


def _read(block, buffer, offset):
    _flash.seek(block * _BLOCK + offset)
    _flash.readinto(buffer)
    return 0


def _uninterrupted(action, first, second, third):
    """The result of `action`; Ctrl-C is raised once littlefs has returned to the program.

    The VM raises what is pending where bytecode jumps. There is no jump after `_interrupt`.
    """
    try:
        return action(first, second, third)
    except KeyboardInterrupt:
        result = _uninterrupted(action, first, second, third)
        _interrupt()
        return result
    except MemoryError:
        return _ENOMEM


def _interrupt():
    """Have Ctrl-C pending again: the host's system signals each write (see interruptible.py)."""
    _bell.write(b"!")
    _bell_end.readinto(_byte)


def start(number, flash, blocks, is_virtual, is_limited):
    """Turn the VM into a board: `number` is the descriptor that leads to the host.

    `flash` is the path of its flash, of so many blocks. With `is_limited` its RAM is the chip's.
    """
    global port, virtual, _bell, _bell_end, _flash, _blocks
    # A descriptor can do what it can, whatever the mode says.
    port = open(number, "rb")  # noqa: SIM115 - for as long as the VM lives
    _bell_end, _bell = (open(int(end), "rb") for end in os.getenv("KEYFOB_BELL").split())  # noqa: SIM115
    _idle.register(port, POLLIN)
    virtual = is_virtual
    for name in _ROM:
        __import__(name)
    if is_limited:
        import chip_gc
        import chip_thread

        sys.modules["gc"] = chip_gc
        sys.modules["_thread"] = chip_thread
        _blocks = _find_blocks()
    _flash = open(flash, "rb")  # noqa: SIM115 - for as long as the VM lives
    try:
        import _viper

        _viper.read_first = _Flash.readblocks
        _Flash.readblocks = _viper.readblocks
    except ImportError:
        pass  # this machine has no machine code of MicroPython's
    vfs.umount("/")  # from here on no file of the PC's can be opened
    try:
        vfs.mount(vfs.VfsLfs2(_Flash(blocks)), "/")
        os.chdir("/")
    except OSError as error:
        print("The file system cannot be mounted:", error)
    if is_limited:
        gc.threshold(_GARBAGE)  # a chip collects when its first area is full, not all of them
    gc.collect()
    look(_AT_START)
    sys.path[:] = ["", ".frozen", "/lib"]
    os.putenv("MICROPYINSPECT", "on")  # from now on the end of a program is the REPL's beginning


def run(names, scope):
    """Run boot.py and main.py if they are there, until one of them ends badly."""
    try:
        for name in names:
            if not _run(name, scope):
                break
        _listen()
    except KeyboardInterrupt:
        pass  # it came as one of them ended


def _run(name, scope):
    try:
        os.stat(name)
    except OSError:
        return True
    try:
        _listen()
        execfile(name, scope)
        word = None
    except SystemExit:
        raise  # a soft reset, as on a board
    except BaseException as error:  # a board prints it and goes on to the REPL
        sys.print_exception(error)
        word = type(error).__name__
    ask("program.ended", name, word)
    return word is None


def _listen():
    """From here on the host may send what was typed since the start."""
    call(66)
