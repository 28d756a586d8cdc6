"""Putting a link together as the configuration file describes it."""

from keyfob.config import load
from keyfob.net.http import HttpClient
from keyfob.storage.late import LateStore


def assemble(kind, path, notify, root, name, home, seal):
    """Return a link of class `kind`; see `AccountLink.from_config`."""
    if notify is None:
        from keyfob.ui.displays.console import Console
        from keyfob.ui.screens import Screens

        notify = Screens(Console()).notify
    found = load(path, root)
    http = HttpClient(found.roots(), found.allow_http)
    store = LateStore(name, root, home, seal)
    store.hold()  # which tells of a name or a home that is none
    store.release()
    link = kind(found.profile, found.client, found.scope, http, store=store, notify=notify)
    link.wifi = found.wifi
    link.api = found.api
    link.language = found.language
    return link
