"""Texts in Latin letters as the font can draw them: accents come off, ligatures come apart."""

from keyfob.compat import const

_LONGEST = const(40)  # characters of a name, so that it fits on one page of the least panel

# The letter within each letter of two blocks, Latin-1 to Latin Extended-B and Latin Extended
# Additional (Vietnamese and others); a dot for none.
_LATIN = const(0xC0)
_LETTERS = (
    "AAAAAA.CEEEEIIIIDNOOOOOxOUUUUY..aaaaaa.ceeeeiiiidnooooo:ouuuuy.y"  # U+00C0
    "AaAaAaCcCcCcCcDdDdEeEeEeEeEeGgGgGgGgHhHhIiIiIiIiIi..JjKkkLlLlLlL"  # U+0100
    "lLlNnNnNnn..OoOoOo..RrRrRrSsSsSsSsTtTtTtUuUuUuUuUuUuWwYyYZzZzZzs"  # U+0140
    "bBBb..OCcDDDd.EEEFfGG.IIKkl.MNnOOo..PpRSs..tTtTUuUVYyZzZ........"  # U+0180
    ".............AaIiOoUuUuUuUuUueAaAa..GgGgKkOoOoZzj...Gg..NnAa..Oo"  # U+01C0
    "AaAaEeEeIiIiOoOoRrRrUuUuSsTtYyHhNd..ZzAaEeOoOoOoOoYylntj..ACcLTs"  # U+0200
    "z..BU.EeJjQqRrYy"  # U+0240
)
_ADDITIONAL = const(0x1E00)
_MORE_LETTERS = (
    "AaBbBbBbCcDdDdDdDdDdEeEeEeEeEeFfGgHhHhHhHhHhIiIiKkKkKkLlLlLlLlMm"  # U+1E00
    "MmMmNnNnNnNnOoOoOoOoPpPpRrRrRrRrSsSsSsSsSsTtTtTtTtUuUuUuUuUuVvVv"  # U+1E40
    "WwWwWwWwWwXxXxYyZzZzZzhtwyasss.dAaAaAaAaAaAaAaAaAaAaAaAaEeEeEeEe"  # U+1E80
    "EeEeEeEeIiIiOoOoOoOoOoOoOoOoOoOoOoOoUuUuUuUuUuUuUuYyYyYyYy..VvYy"  # U+1EC0
)
# What others are spelt as, each behind a blank: those that are two, some of other blocks, and the
# signs that stand in names.
_SPELT = (
    " ÆAe æae ŒOe œoe ĲIj ĳij ǢAe ǣae ǼAe ǽae ÞTh þth ŊNg ŋng ßss ẞSS"
    " ǄDz ǅDz ǆdz ǇLj ǈLj ǉlj ǊNj ǋNj ǌnj ǱDz ǲDz ǳdz ﬀff ﬁfi ﬂfl"
    " əe ɛe ɔo ɓb ɗd ɖd ɣg ɲn ɩi ʋv ʒz"
    " ʻ' ʼ' ʾ' ʿ' ‘' ’' ‚' “\" ”\" „\" ‐- ‑- ‒- –- —- −- ·. •. …..."
)
_MARKS = ((0x300, 0x36F), (0xFE00, 0xFE0F))  # they belong to the letter before
_BLANKS = ((0xA0, 0xA0), (0x2000, 0x200A), (0x202F, 0x202F), (0x3000, 0x3000))
_ORNAMENTS = ((0x2190, 0x2BFF),)  # arrows, stars, hearts: a name is one without them, too


def legible(text, lacks):
    """Return `text` with the letters that come closest for those that the font `lacks`.

    What there is no such letter for stays. Not for a code.
    """
    return "".join(
        [_legible(text[at : at + 1], lacks) for at in range(len(text))]
    )  # see fonts.numbers


def account(text, lacks):
    """Return what a panel can show of an account's text (see id_token.account_name).

    That is its name, else the address behind it, and None where neither can be drawn.
    """
    name, found, address = text.rpartition(" <")
    if not found or not text.endswith(">"):
        name, address = text, ""
    for part in (name, address[:-1]):
        chars = [part[at : at + 1] for at in range(len(part))]
        kept = "".join([char for char in chars if not _is_in(_ORNAMENTS, char)])
        part = " ".join(legible(kept, lacks).split())
        if part and not lacks(part):
            return part if len(part) <= _LONGEST else part[: _LONGEST - 3].rstrip() + "..."
    return None


def _legible(char, lacks):
    if _is_in(_BLANKS, char):
        return " "
    if not lacks(char):
        return char
    if _is_in(_MARKS, char):
        return ""
    found = _SPELT.find(" " + char)
    if found >= 0:
        return _SPELT[found + 2 :].partition(" ")[0]
    for first, letters in ((_LATIN, _LETTERS), (_ADDITIONAL, _MORE_LETTERS)):
        at = ord(char) - first
        if 0 <= at < len(letters) and letters[at : at + 1] != ".":
            return letters[at : at + 1]
    return char


def _is_in(ranges, char):
    return any(first <= ord(char) <= last for first, last in ranges)
