"""Putting a link together as the configuration file describes it."""

from keyfob.config import load
from keyfob.net.http import HttpClient
from keyfob.storage.on_demand import LateStore
from keyfob.storage.open_store import open_store


def assemble(kind, path, notify, root, name, home, seal):
    """Return a link of class `kind`; see `AccountLink.from_config`."""
    if notify is None:
        from keyfob.ui.displays.console import Console
        from keyfob.ui.screens import Screens

        notify = Screens(Console()).notify
    found = load(path, root)
    http = HttpClient(found.roots(), found.allow_http)
    if home == "files":
        store = LateStore(name, root, home, seal)
        store.hold()  # which tells of a name that is none; it is read from next
    else:
        store = open_store(name, root, home, seal)  # NVS cannot be closed, so it is opened once
    link = kind(found.profile, found.client, found.scope, http, store=store, notify=notify)
    link.wifi = found.wifi
    link.api = found.api
    link.language = found.language
    return link
