"""Every screen: its texts, what a press of the button does, which screen follows.

The table is a single string: a board reads the row that it needs and unloads the rest.
"""

# press  what a short press does: link, show (the code again), tell (the link's account), unlink
# rests  yes where the screen may be up for days, and is dimmed where a button can wake it
# then   ms that a panel shows it at least, and the screen that follows
# texts  the names of its texts, in order; see texts.items
_TABLE = """
screen|press|rests|then|texts
starting||||starting
wifi||||wifi
no_wifi||||no_wifi ssid kind_{kind}/message goes_on?
clock||||clock
press|link|yes||ready press only?
user_code|show|||link? open@ code# code_{shown} check? only left~
offline|show|||offline open@ code# code_{shown} trouble? left~
linked|||10000 idle|linked account unsaved_{unsaved}/unsaved
idle|tell|yes||linked account unsaved_{unsaved}/unsaved hold
denied|link|yes||denied again/soon
expired|link|yes||expired lost again/soon
sign_in_again|link|yes||signed_out again/soon
unlink|unlink||15000 linked|unlink confirm keep
unlinked|link|yes||unlinked revoked_{revoked} again/restart
error|link|yes||error kind_{kind} message hint?
"""


def names():
    """Return the names of all screens."""
    return [line[: line.find("|")] for line in _TABLE.split("\n")[2:-1]]


def row(screen):
    """Return the four cells of a screen: press, rests, then, texts; "" where one is empty."""
    start = _TABLE.find("\n" + screen + "|")
    if start < 0:
        return [""] * 4
    return _TABLE[start + 1 : _TABLE.find("\n", start + 1)].split("|")[1:]
