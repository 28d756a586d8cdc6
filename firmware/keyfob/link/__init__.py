"""AccountLink: one account, with the network, clock and store that it needs.

async with AccountLink.from_config() as link:
    await link.ensure_linked()
    reply = await link.get("https://api.example.com/v1/me")
"""

import asyncio

from keyfob import compat
from keyfob.compat import Loaded, const
from keyfob.errors import KeyfobError, TransportError, no_memory
from keyfob.events import Events
from keyfob.link.account import Account
from keyfob.link.provider import Provider
from keyfob.net.clock import Clock
from keyfob.net.http import HttpClient
from keyfob.net.online import Online
from keyfob.oauth.messages import MAX_BODY

_NAP = const(30_000)  # ms before a link that waits for the time is tried again


class AccountLink:
    """One link between this device and an account.

    `notify(event, members)` is called for every event, by the names of the command line's
    `--json`. Times are in seconds, except `took`: the ms until a poll was answered. Members
    never hold a token, a device code or a secret.
    With `is_patient`, `async with` waits for Wi-Fi for ever. Without it, TransportError is raised
    where no network can be joined, unless a link is stored.
    """

    is_patient = False
    erase_ended = False  # what `erase_ended` of /keyfob.json says

    def __init__(
        self,
        profile,
        client,
        scope=None,
        http=None,
        clock=None,
        store=None,
        notify=None,
        name=None,
    ):
        """`name` opens the store of that name in flash, where no `store` is given."""
        if store is None and name is not None:
            from keyfob.storage.open_store import open_store  # stays: the store does

            store = open_store(name)
        if http is None:
            http = HttpClient(allow_http=profile.allow_http)
        self._scope = scope
        self._clock = Clock() if clock is None else clock
        self._events = Events(notify)
        self._provider = Provider(profile, client, http, self._clock)
        self._account = Account([profile.identity, client.client_id], store)
        # Whether it is another account than before; None where an ended link came back meanwhile.
        self._switched = False
        self._refresher = None
        self._is_open = False  # inside `async with`, where tokens are refreshed
        self._linking = asyncio.Lock()
        self.wifi = ()  # networks to join, as /keyfob.json lists them
        self.api = None  # what `call_api` asks for
        self._task = None
        self._watch = None

    @classmethod
    def from_config(
        cls, config="/keyfob.json", notify=None, root="", name="account", home="files", seal=None
    ):
        """Return a link as `config` describes it, the path of the file or the Config read from it.

        Without `notify` the screens appear on the panel that /board.json describes, with its
        button and LED, or on the serial console where there is no panel. With panel or button the
        link `is_patient`, and `ensure_linked` goes on as the screens say. `root` is put before
        every path, for a board whose files are in a folder of a PC. The tokens of the link
        called `name` are kept in `home`, "files" or "nvs", encrypted where there is a `seal`
        (see keyfob.storage.seal). Raises ConfigError naming the field at fault, and
        UsageError for an invalid name or home.
        """
        if notify is not None and compat.heap_area is None:  # else open_board does it
            with Loaded("keyfob.heap_area") as code:
                code.add_small_area(code.WITHOUT_PANEL)
        with Loaded("keyfob.link.from_config") as code:
            return code.assemble(cls, config, notify, root, name, home, seal)

    async def __aenter__(self):
        self._events.attempt(self._account.load)  # linking again replaces a damaged record
        self._events.unsaved = None  # it was no save that failed
        await self._join()
        if self.can_refresh and not self.is_linked:  # it had ended before
            self._events.notify("signed_out")
        self._is_open = True
        if self._account.tokens is not None:
            self._keep_refreshing()
        return self

    async def __aexit__(self, *_):
        self._is_open = False
        try:
            # Awaiting the task could swallow a cancellation of this one.
            for task in (self._task, self._watch):
                while task is not None and not task.done():
                    task.cancel()
                    await asyncio.sleep(0)
        finally:
            await self._provider.hang_up()

    @property
    def account(self):  # rare
        """The account's name, None if it is unknown or there is none."""
        has_ended = self.can_refresh and not self.is_linked
        return None if has_ended else self._account.name

    @property
    def is_linked(self):
        """Whether there is an account to act for."""
        return self._account.is_usable(self._clock.ticks(), self._clock.unix())

    @property
    def is_pending(self):
        """Whether a code from before a reset is pending, which may still be approved."""
        return self._account.pending is not None

    @property
    def unsaved(self):  # rare
        """Why the tokens are in RAM only, None where they are saved."""
        return self._events.unsaved

    @property
    def scope(self):  # rare
        """The scope that was granted, space-separated, or None."""
        tokens = self._account.tokens
        return None if tokens is None else tokens.scope

    @property
    def can_refresh(self):  # rare
        """Whether new tokens can be obtained without a person.

        That is so of a link that the provider has ended, too, which is then not linked: it may be
        taken back.
        """
        tokens = self._account.tokens
        return tokens is not None and tokens.can_refresh

    @property
    def pause(self):  # rare
        """Milliseconds until a refresh may be tried again."""
        tokens = self._account.tokens
        return 0 if tokens is None else tokens.pause(self._clock.ticks())

    async def ensure_linked(self):
        """Return the account's name (None if unknown), linking first where needed.

        Shows a code through `notify` and waits for the person, or until the provider takes back a
        link that it had ended. Raises LinkDenied,
        LinkExpired, ProviderError, or TransportError where the provider cannot be
        reached at all.
        """
        async with self._linking:
            self._switched = False
            if not self.is_linked:
                while not await self._link():
                    await self._clock.sleep(_NAP)
        try:
            if self._switched is not None:  # else that was told
                self._events.notify(
                    "linked",
                    scope=self.scope,
                    account=self.account,
                    stored=self._account.is_stored,
                    switched=self._switched,
                    unsaved=self._events.unsaved,
                )
        finally:
            self._keep_refreshing()  # takes some RAM; the person sees the link first
        return self.account

    async def token(self):  # rare
        """Return an access token, refreshed first where needed.

        Raises NotLinked, and what `refresh` raises where the present token cannot be used.
        """
        return await self.refresher().token()

    def reject(self, token):  # rare
        """Note that an API refused the access token `token` (RFC 6750 section 3.1).

        True if `token()` will return another one. False where none can be obtained: there is no
        refresh token, or the last refresh after a rejection is less than a minute ago. That time
        grows up to an hour where refreshing did not help.
        """
        return self.refresher().reject(token)

    async def refresh(self):  # rare
        """Get new tokens (RFC 6749 section 6), once for all tasks that ask together.

        The new refresh token is stored before the new access token is used. Raises NotLinked where
        the provider has ended the link, ProviderError where it refuses, TransportError where no
        answer came; the last two leave the link as it is. An ended link is tried again by itself,
        and is `linked` again where the provider takes it back.
        """
        await self.refresher().refresh()

    async def get(  # rare: call
        self, url, headers=None, timeout_ms=None, max_body=MAX_BODY, members=None, callback=None
    ):
        """GET `url` with the bearer token and `headers` (a dict); see `request`."""
        request = _get_request(url, headers)
        return await self.request(request, timeout_ms, max_body, members, callback)

    async def request(  # rare: call
        self, request, timeout_ms=None, max_body=MAX_BODY, members=None, callback=None
    ):
        """Send `request` with the bearer token (RFC 6750) and return the reply.

        A 401 that blames the token is answered by one refresh and one more try. Raises
        what `token` raises, and TransportError where no reply of at most `max_body` bytes
        arrives within `timeout_ms`.

        A reply may be of any length where `members` say what counts of its JSON: no others are
        in the reply, and `max_body` is the bound of those. They are paths, as in
        ("title", "owner/name"), which go on in each element of an array. With a `callback` the
        elements of the first array on a path's way are not in the reply: it is called with each
        as soon as that has arrived, and what it raises is raised once the reply has. Then it
        raises TransportError, too, for an element of which more than 4096 bytes count, and for a
        reply of status 200 that is no JSON.
        """
        with Loaded("keyfob.link.call") as code:
            return await code.call(
                self, self._provider, request, timeout_ms, max_body, members, callback
            )

    def show(self, name, value=None, *lines):  # rare: call
        """Show a screen of the program's own for as long as the link is all right.

        `value`, a short text or a number, is as large as the panel allows; `lines` are below it.
        Nothing is shown where `notify` was given, or there are neither panel, button nor LED.
        """

    async def call_api(self):  # rare: call
        """GET the configured `api`, or else userinfo, and notify of its status.

        Returns the reply, or None where neither address is known.
        """
        if self.api is None:
            await self._provider.discover()
        url = self.api or self._provider.profile.userinfo_endpoint
        if url is None:
            return None
        reply = await self.request(_get_request(url))
        self._events.notify("api", status=reply.status)
        return reply

    async def unlink(self):  # rare
        """Revoke the tokens and erase them; True if the provider confirmed it.

        They are erased here whatever the provider answers (RFC 7009 section 2.2). Raises
        StorageError where the store cannot erase its copy; the link has ended all the same.
        """
        revoked, trouble = await self.refresher().give_back()
        await self._provider.hang_up()
        self._events.notify("unlinked", revoked=revoked)
        if trouble is not None:
            raise trouble
        return revoked

    async def _join(self):  # rare
        """Join the network and set the clock; a task keeps both from then on."""
        connection = Online(self.wifi, self._clock, self._events, self._account)
        try:
            await connection.join(self.is_patient and not self.is_linked)
        except TransportError:
            if not self.is_linked:
                raise
        self._watch = asyncio.create_task(connection.run())

    async def _link(self):
        """Make a new link; False where it has to wait for the time and be tried again.

        Without the time an ESP32 trusts no certificate. A background task keeps asking for it.
        """
        try:
            await self._provider.discover()
            await self._establish()
            if self._task is not None:
                self.refresher().wake()
            return True
        except (KeyfobError, MemoryError) as error:
            if isinstance(error, MemoryError):
                error = no_memory("to link", "free some RAM")
            waits = self.is_patient and error.kind == "tls" and self._clock.unix() is None
            self._events.notify_error(error, fatal=not waits)
            if not waits:
                raise error
            return False
        finally:
            await self._provider.hang_up()

    async def _establish(self):
        issued = await self._get_tokens()
        if issued is None:
            self._switched = None
            return
        account = self._account
        account.is_stored, account.is_new = False, True
        try:
            with Loaded("keyfob.link.establish") as code:
                self._switched = await code.establish(
                    issued, self, self._provider, self._clock, self._events, account
                )
        except MemoryError:
            if account.is_new:  # the next boot may have room for them
                self._events.attempt(account.keep_issued, issued)
            raise

    async def _get_tokens(self):
        """What a TokenSet is made of, from a person or, without one, from the provider alone."""
        if self._provider.profile.needs_person:
            with Loaded("keyfob.link.approve") as code:
                return await code.get_approval(
                    self._provider, self._clock, self._events, self._scope, self._account
                )
        with Loaded("keyfob.link.own_account") as code:
            return await code.get_tokens(self._provider, self._clock, self._scope)

    def refresher(self):  # rare
        """The Refresher, loaded once there are tokens to look after."""
        if self._refresher is None:
            from keyfob.link.refresh import Refresher  # stays: for as long as there are tokens

            self._refresher = Refresher(self._account, self._provider, self._clock, self._events)
            self._refresher.erase_ended = self.erase_ended
        return self._refresher

    def _keep_refreshing(self):  # rare
        """Start the background task that refreshes the tokens."""
        if self._is_open and self._task is None:
            self._task = asyncio.create_task(self.refresher().run())


def _get_request(url, headers=None):  # rare: call
    with Loaded("keyfob.oauth.messages") as messages:
        request = messages.get_request(url)
    request.headers.update(headers or {})
    return request
