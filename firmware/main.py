"""What the board runs at power-up. Ctrl-C on the serial port leaves it for the REPL."""

from keyfob.compat import tidy_heap

tidy_heap()

from keyfob.app import run  # noqa: E402 - what it loads is to lie close together

run()
