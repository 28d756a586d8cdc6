"""A provider's page: how to register a board there, what to type here, and what goes wrong.

It is Markdown that reads well as it is, in a terminal of 80 columns too: what `keyfob providers
show` prints, and what host_tools/providers has a file of for each preset.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Mapping, Sequence
from textwrap import wrap

from keyfob_host.providers.presets import Preset, Trouble, usage, with_examples

_WIDTH = 80  # columns
_WIDEST_LABEL = 30
_GRADES = {
    "S": "in the provider's source code",
    "D": "in the provider's documentation",
    "X": "with third parties only",
}
_CLIENTS = {
    "public": "The client is a public one: an ID, and no secret.",
    "secret": "The client has an ID and a secret. On a board it is no secret any more: whoever "
    "holds the board can read it.",
    "either": "The client may be a public one (an ID alone, which is what you want for a board) "
    "or one with a secret.",
}
_REFRESH = {
    "always": "The board stays linked: there is always a refresh token.",
    "never": "There is no refresh token, and none is needed: tokens do not run out.",
}
# Seen with every provider, so no preset has them.
_EVERYWHERE = (
    Trouble(
        "Refused on the phone (access_denied)",
        "somebody pressed Cancel on the phone; press the board's button for a new code; a board "
        "without one shows the next by itself, within an hour",
    ),
    Trouble(
        "The code ran out (expired_token)",
        "nobody typed it in time; press the board's button for a new code; a board without one "
        "shows the next by itself, within an hour",
    ),
    Trouble(
        "Sign-in needed again (invalid_grant after it was linked)",
        "the link was ended at the provider, or not used for too long; link again",
    ),
    Trouble(
        "The connection is not safe",
        "the root certificate on the board is no longer the provider's, or the board's clock is "
        "wrong; run the line above once more, then keyfob doctor",
    ),
)


def page(preset: Preset, variables: Mapping[str, str] | None = None) -> str:
    """The page as text. Examples stand where `variables` have no value."""
    variables = variables or {}
    preset, fields = with_examples(preset, variables)
    lines = [preset.title, "=" * len(preset.title), ""]
    lines += _paragraph(
        f"Facts of {preset.checked.isoformat()}, seen {_GRADES[preset.grade]}. What is not "
        "verified is listed at the end."
    )
    if preset.provider is None:
        lines += _heading("No device grant")
        lines += _paragraph(preset.instead or "")
    else:
        lines += _values(preset)
        lines += _registration(preset)
        lines += _heading("Who can link")
        lines += _paragraph(preset.people or "")
        lines += _heading("Scopes: what the board may do")
        lines += _scopes(preset)
        lines += _heading("Configure the board")
        lines += _configuration(preset, variables)
        lines += _heading("Who is linked")
        lines += _paragraph(preset.account or "")
        lines += _heading("When something goes wrong")
        lines += _paragraph(
            "What the provider refused is on the board's panel, and in what keyfob link and "
            "keyfob monitor print: its code first, then its own words."
        )
        own = [_screen(trouble) for trouble in preset.troubles]
        everywhere = [trouble for trouble in _EVERYWHERE if _screen(trouble) not in own]
        for trouble in (*preset.troubles, *everywhere):
            lines += _wrapped(f"You see: {trouble.see}.", "- ")
            lines += _wrapped(f"Do: {trouble.do}.", "  ")
        lines.append("")
    if preset.notes:
        lines += _heading("Good to know")
        lines += _items(preset.notes)
    lines += _heading("How well this is known")
    lines += _paragraph("Seen in:")
    lines += _items(preset.evidence)
    lines += _paragraph("Not verified, and nothing of it was tried at the real provider yet:")
    lines += _items(preset.unverified or ("nothing that we know of",))
    if fields:
        lines += _heading("What the board gets")
        told = json.dumps({"provider": fields}, indent=2).splitlines()
        lines += [f"    {line}" for line in told]
    return "\n".join(lines).rstrip() + "\n"


def _screen(trouble: Trouble) -> str:
    """What a panel shows of a trouble."""
    return trouble.see.partition(" (")[0]


def configure_line(preset: Preset, variables: Mapping[str, str]) -> list[str]:
    """The words of the one command that configures a board; capitals are to be replaced."""
    return [
        *("keyfob", "configure", "--wifi-ssid", "NETWORK", "--board", "BOARD"),
        *("--provider", usage(preset, variables), "--client-id", "ID"),
    ]


def _values(preset: Preset) -> list[str]:
    """What stands for the variables, so that people see where theirs belong."""
    if not preset.variables:
        return []
    lines = _heading("Your own addresses")
    for name, variable in preset.variables.items():
        stands = f"{name} is {variable.example} on this page"
        if variable.default is not None:
            stands = f"{name} is {variable.example}, unless you name another one"
        if variable.optional:
            stands = f"{name} may be left out, else such as {variable.example}"
        lines += _item(f"{stands}: {variable.ask}.")
    lines.append("")
    lines += _paragraph("This prints the page with yours, of which you may leave some out:")
    return [*lines, *_command(["keyfob", "providers", "show", _with_names(preset)]), ""]


def _with_names(preset: Preset) -> str:
    return f"{preset.name}:{','.join(f'{name}=...' for name in preset.variables)}"


def _registration(preset: Preset) -> list[str]:
    lines = _heading("Register the board")
    lines += _paragraph(f"Where: {preset.console}")
    for number, step in enumerate(preset.steps, 1):
        start = f"{number}. "
        lines += [*_wrapped(step.do, start), ""]
        indent = " " * (len(start) + 4)
        if step.form:
            lines += [*_columns(step.form, indent), ""]
        if step.paste:
            lines += [*(indent + line for line in step.paste.strip().splitlines()), ""]
    lines += _paragraph(_CLIENTS[preset.client or "public"])
    refresh = preset.refresh or ""
    return lines + _paragraph(
        _REFRESH.get(
            refresh, f"The board stays linked by a refresh token, which the scope {refresh} gives."
        )
    )


def _scopes(preset: Preset) -> list[str]:
    if not preset.scopes:
        return _paragraph("There are none to choose.")
    asked = (preset.scope or "").split()
    marked = {
        name: text + (" (asked for)" if name in asked else "")
        for name, text in preset.scopes.items()
    }
    lines = [*_columns(marked, "    "), ""]
    return lines + _paragraph(
        'Others are asked for with --scope "..." behind the line below; name those marked '
        "(asked for) again, where you still want them."
    )


def _configuration(preset: Preset, variables: Mapping[str, str]) -> list[str]:
    lines = _paragraph(
        "With the board on its cable, and MicroPython (keyfob flash) and keyfob on it (keyfob "
        "install):"
    )
    lines += [*_command(configure_line(preset, variables)), ""]
    words = (
        "NETWORK is the name of your Wi-Fi (in quotes, if it has blanks), BOARD that of your "
        'board in the list that "keyfob boards" prints (if yours is not there: the one of your '
        "chip that ends in -generic), ID the client ID from above. "
    )
    asked = "the Wi-Fi password"
    if preset.client == "secret":
        asked += " and the client secret"
    words += f"It asks for {asked}; what you type is not shown."
    lines += _paragraph(words)
    if preset.client == "either":
        auth = (preset.provider or {}).get("client_auth", "basic")
        lines += _paragraph(
            f"For a client with a secret add --client-auth {auth}: it then asks for that, too."
        )
    if any(v.optional or v.default is not None for v in preset.variables.values()):
        lines += _paragraph(
            "For a value of your own instead of those under Your own addresses write --provider "
            f"{_with_names(preset)}; leave out what stays."
        )
    lines += _paragraph("Then link it:")
    lines += ["    keyfob link", ""]
    address = preset.shows.get("verification_uri")
    such = f" such as {address}" if address and not variables else ""
    lines += _paragraph(
        f"The board shows a code, and an address{such}. Scan its QR with your phone, or open the "
        "address in any browser; type the code, or see that it is the same; sign in, and approve."
    )
    secret = ["KEYFOB_CLIENT_SECRET=SECRET"] if preset.client == "secret" else []
    trial = ["keyfob", "sim", "--provider", usage(preset, variables), "--client-id", "ID"]
    trial += ["--scope", preset.scope] if preset.scope else []
    also = " (SECRET is the client secret)" if secret else ""
    lines += _paragraph(f"To try the same first without a board{also}:")
    return [*lines, *_command([*secret, *trial]), ""]


def _command(words: Sequence[str]) -> list[str]:
    """A command as an indented block, over several lines where it is long."""
    parts: list[str] = []
    for word in map(shlex.quote, words):
        if parts and parts[-1].startswith("--") and " " not in parts[-1]:
            parts[-1] += f" {word}"  # an option and its value stay together
        else:
            parts.append(word)
    lines = ["    " + parts[0]]
    for part in parts[1:]:
        if len(lines[-1]) + len(part) + 3 > _WIDTH:
            lines[-1] += " \\"
            lines.append("        " + part)
        else:
            lines[-1] += f" {part}"
    return lines


def _heading(text: str) -> list[str]:
    return [text, "-" * len(text), ""]


def _paragraph(text: str) -> list[str]:
    return [*_wrapped(text), ""]


def _items(texts: Iterable[str]) -> list[str]:
    return [*(line for text in texts for line in _item(text)), ""]


def _item(text: str) -> list[str]:
    return _wrapped(text, "- ")


def _columns(rows: Mapping[str, str], indent: str) -> list[str]:
    """Two columns; a label that is too wide has its text below it."""
    widest = max((len(label) for label in rows if len(label) <= _WIDEST_LABEL), default=4)
    lines = []
    for label, text in rows.items():
        start = f"{indent}{label.ljust(widest)}  "
        if len(label) > widest:
            lines.append(indent + label)
            start = indent + " " * (widest + 2)
        lines += _wrapped(text, start)
    return lines


def _wrapped(text: str, start: str = "") -> list[str]:
    return wrap(
        text,
        _WIDTH,
        initial_indent=start,
        subsequent_indent=" " * len(start),
        break_long_words=False,
        break_on_hyphens=False,
    )
