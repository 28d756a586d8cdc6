"""What the status LED shows on each screen.

The table is a single string: a board reads the row that it needs and unloads the rest.
"""

# By screen: ms on, off, on ... repeated. One number: it stays on, none: it stays off. Three: the
# last is how often, before it stays off.
_PATTERNS = """
starting 250 250
wifi 500 500
no_wifi 500 200 100 700
clock 750 250
press 100 1900
user_code 1
offline 1000 1000
linked 100 100 50
idle
denied 100 200 100 1600
expired 600 200 100 1100
sign_in_again 100 200 100 200 100 1300
unlink 500 100
unlinked 100 200 600 1100
error 100 200 100 200 100 200 100 1000
"""


def pattern(screen):
    """Return the numbers of `screen` as a list, empty where the LED stays off."""
    start = _PATTERNS.find("\n" + screen + " ")
    if start < 0:
        return []
    return [int(ms) for ms in _PATTERNS[start + 1 : _PATTERNS.find("\n", start + 1)].split()[1:]]


def screens():
    """Return the names of the screens that have a row."""
    return [line.split()[0] for line in _PATTERNS.split("\n")[1:-1]]
