"""Every screen: its texts, what a press of the button does, which screen follows.

The table is a single string: a board reads the row that it needs and unloads the rest.
"""

# press  what a short press does: link, show (the code again), tell (the link's account), unlink
# rests  yes where the screen may be up for days, and is dimmed where a button can wake it
# then   ms that a panel shows it at least, and the screen that follows
# look   of a colour panel: the tone and the icon, if any (see face)
# texts  the names of its texts, in order; see texts.items
_TABLE = """
screen|press|rests|then|look|texts
starting||||wait link|starting
wifi||||wait wifi|wifi
no_wifi||||trouble warning|no_wifi ssid kind_{kind}/message! goes_on?
clock||||wait clock|clock
press|link|yes||wait link|ready press! only?
user_code|show|||wait|link? scan1 open@ code# code_{shown} check2 only left~
offline|show|||trouble|offline scan1 open@ code# code_{shown} only trouble? left~
linked|||10000 idle|good tick|linked account* unsaved_{unsaved}/unsaved
idle|tell|yes||good tick|linked account* unsaved_{unsaved}/unsaved hold-
denied|link|yes||trouble warning|denied again/soon-
expired|link|yes||trouble clock|expired lost again/soon-
sign_in_again|link|yes||trouble link|signed_out again/soon-
value|tell|yes||good|name/linked value# words! message unsaved_{unsaved}/unsaved
unlink|unlink||15000 linked|trouble warning|unlink confirm! keep-
unlinked|link|yes||wait link|unlinked revoked_{revoked} again/restart-
error|link|yes||trouble warning|error kind_{kind}! message hint?
"""


def names():
    """Return the names of all screens."""
    return [line[: line.find("|")] for line in _TABLE.split("\n")[2:-1]]


def row(screen):
    """Return the five cells of a screen: press, rests, then, look, texts; "" for an empty one."""
    start = _TABLE.find("\n" + screen + "|")
    if start < 0:
        return [""] * 5
    return _TABLE[start + 1 : _TABLE.find("\n", start + 1)].split("|")[1:]
