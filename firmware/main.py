"""What the board runs at power-up. Ctrl-C on the serial port leaves it for the REPL."""

import time

WINDOW = 2  # s in which nothing is loaded and nothing runs yet, so that Ctrl-C always gets through

time.sleep(WINDOW)

from keyfob.app import run  # noqa: E402 - it may be what has to be broken into

run()
