"""The texts of the screens: English here, any other language in a file of translations/.

A row is a name and its text. In a file, whose first line is the language's own name, a row that
is missing falls back to English, as everything does without the file. A text has the member that
it needs in braces, and is left out where that is unknown. What follows "/" is its short form, for
displays of several colours.

The table is a single string: a board reads the row that it needs and unloads the rest.
"""

import keyfob
from keyfob.compat import const
from keyfob.ui import screen_table

_TEXTS = """
starting|Starting
wifi|Joining Wi-Fi
no_wifi|No Wi-Fi
ssid|Network  {ssid}
kind_password|The password does not fit
kind_lost|It is out of reach (2.4 GHz only)
kind_weak_signal|It hears the board badly
kind_wrong_security|Its security does not fit
goes_on|It goes on trying
clock|Setting the clock
ready|Not linked yet
press|Press “{button}” to link
link|Link this device
scan|Scan, or open
open|Open  {verification_uri}
code|Code  {user_code}
code_False|The code is on the serial console
left|{left} left
check|Check that the page shows this code/Check the code
only|Only continue if you hold this device in your hand/Only if you hold this device
offline|Trying to reach the provider
trouble|{trouble}
linked|Linked
account|Account  {account}
unsaved|Not saved: {unsaved}
unsaved_the flash is full|Not saved: flash is full
unsaved_the flash is read-only|Not saved: flash is read-only
unsaved_NVS is full|Not saved: NVS is full
name|{name}
value|{value}
words|{words}
hold|Hold “{button}” to unlink
denied|Refused on the phone
expired|The code ran out
lost|No usable answer: {lost}
signed_out|Sign-in needed again
unlinked|No longer linked
revoked_False|The provider did not confirm: end it there, too
again|Press “{button}” for a new code
soon|A new code comes by itself
restart|Restart the device for a new code
unlink|Unlink this device?
confirm|Press “{button}” to confirm
keep|Or just wait to stay linked
error|Something is wrong
kind_usage|It was used in a wrong way
kind_config|Its settings are wrong
kind_network|No connection
kind_timeout|No answer in time
kind_tls|The connection is not safe
kind_provider|The provider refused
kind_storage|Trouble with the flash
kind_memory|Not enough memory
message|{message}
hint|{hint}
"""


# How many of the signs a display knows: a console, a panel of one colour, one of several.
CONSOLE = const(1)
PLAIN = const(4)
COLOURED = const(9)

_SIGNS = "~#@?!*-12  "  # so long that MicroPython does not keep it as a name
_CODE = const(1)
_ADDRESS = const(2)
_OPTIONAL = const(3)
_VALUE = const(5)
_FIRST = const(7)
_SECOND = const(8)


def items(screen, members, language, signs=CONSOLE):
    """Return the texts of `screen` as (text, sign) in order, filled in from `members`.

    Their names are in the screen's row of the screen table. Of `a/b` the first whose member is
    known is used. The sign after a name is how a panel shows the text:
      ~  contains {left}, which changes and is filled in when it is drawn
      #  the code: as large as possible, not cut, without the label
      @  an address: may be cut anywhere, without the label
      ?  left out where not everything fits at once
      !  what is to be seen first
      *  the same, without the label
      -  what can be done, at the foot
      1  the first step, only where steps have numbers
      2  the second step, left out where not everything fits at once
    The display knows the first `signs` of them. It gets the others' texts as plain ones.
    """
    found = []
    names = screen_table.row(screen)[4].split()
    translated = _translated(names, members, language)
    for name in names:
        at = _SIGNS.find(name[-1:])
        sign = "" if at < 0 else name[-1:]
        known = sign if at < signs else ""
        if not known and at == _FIRST:
            continue
        if not known and at == _SECOND and signs > _OPTIONAL:
            known = _SIGNS[_OPTIONAL : _OPTIONAL + 1]
        for choice in name[: len(name) - len(sign)].split("/"):
            text = _text(choice, members, translated)
            if text and "/" in text:
                text = text.split("/")[signs == COLOURED]
            if text and known and at in (_CODE, _ADDRESS, _VALUE):
                text = text[text.find("{") :]
            text = text and _filled(text, members)
            if text:
                found += [(line, known) for line in text.split("\n")]
                break
    return found


def languages():
    """Return the languages that there are texts in, the fallback first."""
    return "en de es fr it nl pl pt".split()  # noqa: SIM905 - a list makes each a name


def _translated(names, members, language):
    """The texts that a screen can need, by their names, from the file of `language`."""
    found = {}
    if language not in languages()[1:]:
        return found
    wanted = [
        _filled(choice, members) for name in names for choice in name.rstrip(_SIGNS).split("/")
    ]
    try:
        with _open(language) as file:
            for line in file:
                name = line[: max(0, line.find("|"))]
                if name in wanted:
                    found[name] = line[len(name) + 1 :].rstrip()
    except OSError:
        pass  # there is English
    return found


def _open(language):
    name = "ui/translations/%s.txt" % language
    beside = keyfob.__file__
    try:
        return open(beside[: beside.rfind("__init__")] + name, encoding="utf-8")
    except OSError:  # of a frozen build the texts alone are in flash
        return open("/lib/keyfob/" + name, encoding="utf-8")


def _text(name, members, translated):
    """The text called `name` as it is in the file or the table, None if there is none."""
    name = _filled(name, members)
    start = -1 if name is None else _TEXTS.find("\n" + name + "|")
    if start < 0:
        return None
    start += len(name) + 2
    return translated.get(name) or _TEXTS[start : _TEXTS.find("\n", start)]


def _filled(text, members):
    """`text` with its member filled in, None if that is unknown."""
    member = text.partition("{")[2].partition("}")[0]
    if not member:
        return text
    value = members.get(member)
    return None if value in (None, "") else text.replace("{" + member + "}", str(value))
