"""The MicroPython VM as a program that takes Ctrl-C where a board does: between two bytecodes.

Its own way, at SIGINT, is to leap out of whatever C code is running, which littlefs and the
garbage collector do not survive. SIGIO does here what a board's serial port does: it notes that
an interrupt is pending. `vm.py` runs this file and sends that signal, KEYFOB_SIGNAL; each write
into the pipe KEYFOB_BELL does, too, for the VM itself.

Every boot starts this program: it goes without `signal` and `site`, which take a third of that.
"""

import ctypes
import fcntl
import os
import sys

sys.path.append(os.environ["KEYFOB_VM"])
import micropython_module  # type: ignore[import-not-found]  # in C

vm = ctypes.CDLL(micropython_module.__file__)
libc = ctypes.CDLL(None)
number = int(os.environ["KEYFOB_SIGNAL"])
libc.signal(number, ctypes.cast(vm.mp_sched_keyboard_interrupt, ctypes.c_void_p))
libc.siginterrupt(number, 1)  # the end of a wait for a socket or for input, too

bell = os.pipe()
fcntl.fcntl(bell[0], fcntl.F_SETOWN, os.getpid())
fcntl.fcntl(bell[0], fcntl.F_SETFL, os.O_ASYNC)
os.environ["KEYFOB_BELL"] = " ".join(map(str, bell))

# The flash in memory, whose file the host writes.
flash = os.open(os.environ["KEYFOB_FLASH"], os.O_RDONLY)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = (ctypes.c_void_p, ctypes.c_size_t, *(ctypes.c_int,) * 3, ctypes.c_long)
shown = libc.mmap(None, os.fstat(flash).st_size, 1, 1, flash, 0)  # to be read, and shared
os.environ["KEYFOB_FLASH"] = str(shown)

# Where the VM's state is, in which `_board.py` finds the table of the heap's blocks.
state = ctypes.c_char.in_dll(vm, "mp_state_ctx")
os.environ["KEYFOB_STATE"] = str(ctypes.addressof(state))

sys.exit(micropython_module.run_main(sys.argv))
