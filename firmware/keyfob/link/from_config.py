"""Making a link as the configuration file describes it."""

from keyfob.compat import Loaded
from keyfob.errors import KeyfobError
from keyfob.events import Events
from keyfob.net.http import HttpClient


def assemble(kind, config, notify, root, name, home, seal):
    """Return a link of class `kind`; see `AccountLink.from_config`."""
    if notify is None:
        with Loaded("keyfob.ui.board") as code:
            parts = code.open_board(root, Events(_print))
        if parts[1:] != [None, None] or hasattr(parts[0], "fill"):
            return _shown(parts, kind, config, root, name, home, seal)
        from keyfob.ui.screens import Screens  # stays: as long as the link

        notify = Screens(parts[0]).notify
    if isinstance(config, str):
        config = _read(config, root)
    http = HttpClient(config.roots(), config.allow_http)
    store = _store(name, root, home, seal)
    link = kind(config.profile, config.client, config.scope, http, store=store, notify=notify)
    link.wifi = config.networks()
    link.api = config.api
    link.erase_ended = config.erase_ended
    return link


def _shown(parts, kind, config, root, name, home, seal):
    """The same on a board that has `parts` to show it."""
    from keyfob.link import shown  # stays: as long as the link

    front = shown.open_front(parts)
    try:
        if isinstance(config, str):
            config = _read(config, root)
        kind = shown.shown(kind, front, config.language)
        link = assemble(kind, config, front.notify, root, name, home, seal)
    except KeyfobError as error:
        shown.show_error(front, error)
        raise error
    link.is_patient = front.asks_first
    return link


def _print(event, members):
    """Tell on the console of a part that cannot be used."""
    print(members["message"])
    if members["hint"]:
        print(members["hint"])


def _read(path, root):
    from keyfob.oauth import profile  # noqa: F401 - stays: the link's profile does

    with Loaded("keyfob.config") as code:
        return code.load(path, root)


def _store(name, root, home, seal):
    if home != "files":
        from keyfob.storage.open_store import open_store  # stays: NVS cannot be closed

        return open_store(name, root, home, seal)
    from keyfob.storage.on_demand import OnDemandStore  # stays: the store does

    store = OnDemandStore(name, root, home, seal)
    store.check()  # which raises for an invalid name
    return store
