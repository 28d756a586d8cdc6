"""The MicroPython VM as a program that takes Ctrl-C where a board does: between two bytecodes.

Its own way, at SIGINT, is to leap out of whatever C code is running, which littlefs and the
garbage collector do not survive. SIGIO does here what a board's serial port does: it notes that
an interrupt is pending. `vm.py` runs this file and sends that signal; each write into the pipe
KEYFOB_BELL does, too, for the VM itself.
"""

import ctypes
import fcntl
import os
import signal
import sys

import micropython_module  # type: ignore[import-not-found]  # it is a library of C

vm = ctypes.CDLL(micropython_module.__file__)
ctypes.CDLL(None).signal(
    signal.SIGIO, ctypes.cast(vm.mp_sched_keyboard_interrupt, ctypes.c_void_p)
)
signal.siginterrupt(signal.SIGIO, True)  # the end of a wait for a socket or for input, too

bell = os.pipe()
fcntl.fcntl(bell[0], fcntl.F_SETOWN, os.getpid())
fcntl.fcntl(bell[0], fcntl.F_SETFL, os.O_ASYNC)
os.environ["KEYFOB_BELL"] = " ".join(map(str, bell))

# Where the VM's state is, in which `_board.py` finds the table of the heap's blocks.
state = ctypes.c_char.in_dll(vm, "mp_state_ctx")
os.environ["KEYFOB_STATE"] = str(ctypes.addressof(state))

sys.exit(micropython_module.run_main(sys.argv))
