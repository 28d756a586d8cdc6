"""The texts of the screens, in every language.

A row of _TEXTS is a name and its text in each language. A new language is a new column; an empty
cell falls back to English. A text has the member that it needs in braces, and is left out where
that is unknown. What follows "/" is its short form, for displays of several colours.

The table is a single string: a board reads the row that it needs and unloads the rest.
"""

from keyfob.compat import const
from keyfob.ui import screen_table

_TEXTS = """
|en|de
starting|Starting|Startet
wifi|Joining Wi-Fi|Verbinde mit dem WLAN
no_wifi|No Wi-Fi|Kein WLAN
ssid|Network  {ssid}|Netz  {ssid}
kind_password|The password does not fit|Das Passwort passt nicht
kind_lost|It is out of reach (2.4 GHz only)|Außer Reichweite (nur 2,4 GHz)
kind_weak_signal|It hears the board badly|Hört das Gerät schlecht
kind_wrong_security|Its security does not fit|Verschlüsselung passt nicht
goes_on|It goes on trying|Versucht es weiter
clock|Setting the clock|Uhr wird gestellt
ready|Not linked yet|Noch nicht verbunden
press|Press button {button} to link|Taste {button} drücken, um zu verbinden
link|Link this device|Dieses Gerät verbinden
scan|Scan, or open|Scannen, oder
open|Open  {verification_uri}|Öffnen  {verification_uri}
code|Code  {user_code}|Code  {user_code}
code_False|The code is on the serial console|Der Code steht auf der seriellen Konsole
left|{left} left|noch {left}
check|Check that the page shows this code/Check the code\
|Zeigt die Seite denselben Code?/Code vergleichen
only|Only continue if you hold this device in your hand/Only if you hold this device\
|Nur mit diesem Gerät in der Hand fortfahren/Nur mit diesem Gerät in der Hand
offline|Trying to reach the provider|Anbieter nicht erreichbar
trouble|{trouble}|{trouble}
linked|Linked|Verbunden
account|Account  {account}|Konto  {account}
unsaved|Not saved: {unsaved}|Nicht gesichert: {unsaved}
unsaved_the flash is full|Not saved: flash is full|Nicht gesichert: Flash voll
unsaved_the flash is read-only|Not saved: flash is read-only|Nicht gesichert: Flash nur lesbar
unsaved_NVS is full|Not saved: NVS is full|Nicht gesichert: NVS voll
title|{name}|{name}
value|{value}|{value}
words|{words}|{words}
hold|Hold button {button} to unlink|Taste {button} halten, um zu trennen
denied|Refused on the phone|Am Handy abgelehnt
expired|The code ran out|Der Code ist abgelaufen
lost|No usable answer: {lost}|Keine brauchbare Antwort: {lost}
signed_out|Sign-in needed again|Neue Anmeldung nötig
unlinked|No longer linked|Nicht mehr verbunden
revoked_False|The provider did not confirm: end it there, too\
|Anbieter hat nicht bestätigt: auch dort trennen
again|Press button {button} for a new code|Taste {button} drücken für einen neuen Code
soon|A new code comes by itself|Ein neuer Code kommt von selbst
restart|Restart the device for a new code|Gerät neu starten für einen neuen Code
unlink|Unlink this device?|Dieses Gerät trennen?
confirm|Press button {button} to confirm|Taste {button} drücken zum Bestätigen
keep|Or just wait to stay linked|Oder warten, um verbunden zu bleiben
error|Something is wrong|Etwas stimmt nicht
kind_usage|It was used in a wrong way|Falsch benutzt
kind_config|Its settings are wrong|Einstellungen falsch
kind_network|No connection|Keine Verbindung
kind_timeout|No answer in time|Keine Antwort
kind_tls|The connection is not safe|Verbindung nicht sicher
kind_provider|The provider refused|Anbieter lehnt ab
kind_storage|Trouble with the flash|Problem mit dem Flash
kind_memory|Not enough memory|Zu wenig Speicher
message|{message}|{message}
hint|{hint}|{hint}
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
    for name in screen_table.row(screen)[4].split():
        at = _SIGNS.find(name[-1:])
        sign = "" if at < 0 else name[-1:]
        known = sign if at < signs else ""
        if not known and at == _FIRST:
            continue
        if not known and at == _SECOND and signs > _OPTIONAL:
            known = _SIGNS[_OPTIONAL : _OPTIONAL + 1]
        for choice in name[: len(name) - len(sign)].split("/"):
            text = _text(choice, members, language)
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
    """Return the languages that have a column, the fallback first."""
    return _cells("")


def _text(name, members, language):
    """The text called `name` as it is in the table, None if there is none."""
    name = _filled(name, members)
    cells = name and _cells(name)
    if not cells:
        return None
    known = languages()
    text = cells[known.index(language)] if language in known else ""
    return text or cells[0]


def _filled(text, members):
    """`text` with its member filled in, None if that is unknown."""
    member = text.partition("{")[2].partition("}")[0]
    if not member:
        return text
    value = members.get(member)
    return None if value in (None, "") else text.replace("{" + member + "}", str(value))


def _cells(name):
    """The cells of the row `name`, None if there is no such row."""
    start = _TEXTS.find("\n" + name + "|")
    if start < 0:
        return None
    return _TEXTS[start + 1 : _TEXTS.find("\n", start + 1)].split("|")[1:]
