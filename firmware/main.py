"""What the board runs at power-up. Ctrl-C on the serial port leaves it for the REPL."""

from keyfob.app import run

run()
