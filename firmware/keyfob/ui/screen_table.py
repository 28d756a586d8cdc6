"""Every screen: its texts, what a press of the button does, the pattern of the LED.

The table is a single string: a board reads the row that it needs and unloads the rest.
"""

# press  what a short press does: link, show (the code again), tell (the link's account), unlink
# rests  yes where the screen may be up for days, and is dimmed where a button can wake it
# then   ms that a panel shows it at least, and the screen that follows
# led    ms on, off, on ... repeated. One number: it stays on; none: it stays off. Three: the last
#        is the number of repetitions before it stays off
# texts  the names of its texts, in order; see texts.items
_TABLE = """
screen|press|rests|then|led|texts
starting||||250 250|starting
wifi||||500 500|wifi
clock||||750 250|clock
press|link|yes||100 1900|ready press only?
user_code|show|||1|link? open@ code# check? only left~
offline|show|||1000 1000|offline open@ code# trouble? left~
linked|||10000 idle|100 100 50|linked account unsaved_{unsaved}/unsaved
idle|tell|yes|||linked account unsaved_{unsaved}/unsaved hold
denied|link|yes||100 200 100 1600|denied again/restart
expired|link|yes||600 200 100 1100|expired again/restart
sign_in_again|link|yes||100 200 100 200 100 1300|signed_out again/restart
unlink|unlink||15000 linked|500 100|unlink confirm keep
unlinked|link|yes||100 200 600 1100|unlinked revoked_{revoked} again/restart
error|link|yes||100 200 100 200 100 200 100 1000|error kind_{kind} message hint?
"""


def names():
    """Return the names of all screens."""
    return [line[: line.find("|")] for line in _TABLE.split("\n")[2:-1]]


def cell(screen, column):
    """Return the cell in `column` of `screen`, "" where it is empty."""
    start = _TABLE.find("\n%s|" % screen)
    if start < 0:
        return ""
    row = _TABLE[start + 1 : _TABLE.find("\n", start + 1)].split("|")
    return row[_TABLE[1 : _TABLE.find("\n", 1)].split("|").index(column)]
