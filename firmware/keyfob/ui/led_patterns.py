"""What the status LED shows on each screen.

The table is a single string: a board reads the row that it needs and unloads the rest.
"""

# By screen: ms on, off, on ... repeated. One number: it stays on, none: it stays off. Three: the
# last is how often, before it stays off. Before a screen's row come those of its troubles: by the
# kind of a failure, and for tokens that are not saved. No Wi-Fi is a long flash and short ones,
# an error two long ones and short ones; those without a kind are known by four short ones.
_PATTERNS = """
starting 250 250
wifi 500 500
no_wifi_password 500 200 100 200 100 700
no_wifi_lost 500 200 100 200 100 200 100 700
no_wifi_weak_signal 500 200 100 200 100 200 100 200 100 700
no_wifi_wrong_security 500 200 100 200 100 200 100 200 100 200 100 700
no_wifi 500 200 100 700
clock 750 250
press 100 1900
user_code 1
offline 1000 1000
linked_unsaved 100 200 100 2600
linked 100 100 50
idle_unsaved 100 200 100 2600
idle
denied 100 200 100 1600
expired 600 200 100 1100
sign_in_again 100 200 100 200 100 1300
value 100 100 2
unlink 500 100
unlinked 100 200 600 1100
error_config 500 200 500 200 100 1000
error_network 500 200 500 200 100 200 100 1000
error_timeout 500 200 500 200 100 200 100 200 100 1000
error_tls 500 200 500 200 100 200 100 200 100 200 100 1000
error_provider 500 200 500 200 100 200 100 200 100 200 100 200 100 1000
error_storage 500 200 500 200 500 1000
error_memory 500 200 500 200 500 200 100 1000
error 100 200 100 200 100 200 100 1000
"""


def pattern(screen, members=None):
    """Return the numbers of `screen` as a list, empty where the LED stays off.

    Its `members` are what its texts are filled in from: a trouble among them has its own pattern.
    """
    trouble = None
    if members:
        trouble = members.get("kind") or (members.get("unsaved") and "unsaved")
    start = _PATTERNS.find("\n" + screen + "_" + trouble + " ") if trouble else -1
    if start < 0:
        start = _PATTERNS.find("\n" + screen + " ")
    if start < 0:
        return []
    return [int(ms) for ms in _PATTERNS[start + 1 : _PATTERNS.find("\n", start + 1)].split()[1:]]


def names():
    """Return the names of the rows: those of screens, and of their troubles."""
    return [line.split()[0] for line in _PATTERNS.split("\n")[1:-1]]
