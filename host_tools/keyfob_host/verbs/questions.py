"""What `keyfob configure` asks a person for: what is needed, not given and not on the board."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from keyfob_host.boards import all_boards
from keyfob_host.errors import CliError
from keyfob_host.providers.presets import Preset, known_providers, load, named
from keyfob_host.verbs.dialogue import Dialogue

_NO_BOARD = "none of these: its code is shown on the serial console alone"


@dataclass(frozen=True)
class Told:
    """What a person has told: the options of `keyfob configure` that can be asked for."""

    wifi_ssid: str | None = None
    provider: str | None = None
    issuer: str | None = None
    client_id: str | None = None
    board: str | None = None
    scope: str | None = None


class Refused(CliError):
    """The provider refused, or was not reached: `what` of Told has to be told anew."""

    def __init__(self, message: str, hint: str, what: Literal["provider", "client", "scope"]):
        super().__init__(message, hint)
        self.what = what


def ask_again(told: Told, refused: Refused, dialogue: Dialogue) -> Told:
    """`told` with another answer to what was refused; an empty line leaves it as it was.

    Raises `refused` where nobody can have been asked for that.
    """
    preset, variables = named(told.provider) if told.provider else (None, {})
    if refused.what == "provider" and not variables:
        raise refused
    dialogue.say(f"{refused.message}\n  try: {refused.hint}")
    if refused.what == "client":
        return replace(told, client_id=dialogue.ask("Client ID", told.client_id))
    if refused.what == "scope":
        scope = told.scope if told.scope is not None else (preset.scope if preset else None)
        return replace(told, scope=dialogue.ask("Scopes, separated by blanks", scope or ""))
    assert preset is not None
    given = {
        name: dialogue.ask(_sentence(preset.variables[name].ask), value)
        for name, value in variables.items()
    }
    return replace(told, provider=_with_variables(preset, given, dialogue))


def ask_provider(told: Told, document: Mapping[str, Any], dialogue: Dialogue) -> Told:
    """`told` with a provider and a client, unless the board keeps those that it has."""
    old = document.get("provider") or {}
    if _is_new("provider", old.get("issuer") or old.get("token_endpoint"), dialogue):
        told = replace(told, provider=_provider(dialogue))
    return ask_client(told, document, dialogue)


def ask_client(told: Told, document: Mapping[str, Any], dialogue: Dialogue) -> Told:
    """`told` with what a named provider needs to know besides its name: variables, client ID."""
    name = None
    if told.provider is not None:
        preset, variables = named(told.provider)
        if preset.provider is None:
            return told  # which is refused
        name = preset.name
        told = replace(told, provider=_with_variables(preset, variables, dialogue))
    has_client = bool((document.get("provider") or {}).get("client_id"))
    if told.client_id is None and (name or (told.issuer and not has_client)):
        if name:
            dialogue.say(f"How to register a client there: keyfob providers show {name}")
        told = replace(told, client_id=dialogue.ask("Client ID"))
    return told


def ask_wifi(told: Told, document: Mapping[str, Any], dialogue: Dialogue) -> Told:
    """`told` with a network, unless the board keeps those that it has."""
    names = [str(network.get("ssid")) for network in document.get("wifi") or []]
    if not _is_new("Wi-Fi", ", ".join(names), dialogue):
        return told
    ssid = dialogue.ask("Name of the Wi-Fi network (empty: none)", "")
    return replace(told, wifi_ssid=ssid or None)


def ask_board(told: Told, chip: str | None, dialogue: Dialogue) -> Told:
    """`told` with the board that it is, among those with that chip."""
    boards = [board for board in all_boards() if chip in (None, board.chip)]
    choices = _columns([(board.name, board.title) for board in boards])
    index = dialogue.pick("Which board is it?", [*choices, _NO_BOARD])
    return told if index == len(boards) else replace(told, board=boards[index].name)


def _is_new(what: str, present: str | None, dialogue: Dialogue) -> bool:
    """Whether the board gets one of this that it does not have."""
    return not present or bool(dialogue.agrees(f"Its {what} is {present}. Another one?"))


def _provider(dialogue: Dialogue) -> str:
    presets = [preset for preset in map(load, known_providers()) if preset.provider is not None]
    choices = _columns([(preset.name, preset.title) for preset in presets])
    preset = presets[dialogue.pick("Which provider?", choices)]
    variables = {
        name: dialogue.ask(_sentence(variable.ask), variable.default)
        for name, variable in preset.variables.items()
        if variable.default is not None and "{" not in variable.default
    }
    return _with_variables(preset, variables, dialogue)


def _with_variables(preset: Preset, given: Mapping[str, str], dialogue: Dialogue) -> str:
    """NAME:variable=value,... with a value for each variable that has to have one."""
    values = dict(given)
    for name, variable in preset.variables.items():
        if name not in values and variable.default is None and not variable.optional:
            values[name] = dialogue.ask(f"{_sentence(variable.ask)}, such as {variable.example}")
    parts = [f"{name}={value}" for name, value in values.items()]
    return f"{preset.name}:{','.join(parts)}" if parts else preset.name


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _columns(rows: list[tuple[str, str]]) -> list[str]:
    width = max((len(name) for name, _ in rows), default=0)
    return [f"{name:<{width}}  {title}" for name, title in rows]
