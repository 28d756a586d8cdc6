"""The whole thing wired: a board, its network, its clock, its store and one account.

async with AccountLink.from_config() as link:
    await link.ensure_linked()
    reply = await link.get("https://api.example.com/v1/me")
"""

import asyncio

from keyfob.account import Account
from keyfob.compat import drop
from keyfob.errors import KeyfobError, ProviderError, StorageError, TransportError
from keyfob.events import Events
from keyfob.net.clock import Clock
from keyfob.net.http import HttpClient
from keyfob.net.http_reply import MAX_BODY
from keyfob.oauth.messages import Request, get_request
from keyfob.provider import Provider


class AccountLink:
    """One link between this device and an account.

    `notify(event, members)` is told of everything that happens, by the event names of
    the command line's `--json`; a time in its members is in ms. Members never hold a
    token, a device code or a secret. `language` is the configuration's, None by default.
    """

    language = None

    def __init__(
        self, profile, client, scope=None, http=None, clock=None, store=None, notify=None
    ):
        if http is None:
            http = HttpClient(allow_http=profile.allow_http)
        self._scope = scope
        self._clock = Clock() if clock is None else clock
        self._events = Events(notify)
        self._provider = Provider(profile, client, http, self._clock)
        self._account = Account([profile.identity, client.client_id], store)
        self._upkeep = None
        self._is_open = False  # inside `async with`, where links are kept up
        self._linking = asyncio.Lock()
        self._wifi = ()
        self._api = None
        self._task = None

    @classmethod
    def from_config(cls, path="/keyfob.json", notify=None, root=""):
        """Return a link as the configuration file `path` describes it.

        Without `notify` the screens appear on the serial console. `root` stands before
        every path, for a board whose files lie in a folder of a PC. Raises ConfigError
        naming the field at fault.
        """
        from keyfob.config import load
        from keyfob.storage.opening import open_store

        if notify is None:
            from keyfob.ui.displays.console import Console
            from keyfob.ui.screens import Screens

            notify = Screens(Console()).notify
        found = load(path, root)
        http = HttpClient(found.roots(), found.allow_http)
        store = open_store(directory=root)
        link = cls(found.profile, found.client, found.scope, http, store=store, notify=notify)
        link._wifi = found.wifi
        link._api = found.api
        link.language = found.language
        del load, open_store
        drop("keyfob.config", "keyfob.oauth.profile_fields", "keyfob.storage.opening")
        return link

    async def __aenter__(self):
        await self._join()
        try:
            self._account.load()
        except StorageError as error:
            self._events.tell_error(error)  # linking again mends it
        self._is_open = True
        self._look_after()
        return self

    async def __aexit__(self, *_):
        self._is_open = False
        try:
            # Awaiting the task could swallow a cancel that is meant for us.
            while self._task is not None and not self._task.done():
                self._task.cancel()
                await asyncio.sleep(0)
        finally:
            await self._provider.hang_up()

    @property
    def account(self):
        """The account's name, None if it is unknown or there is none."""
        return self._account.name

    @property
    def is_linked(self):
        """Whether there is an account to act for."""
        return self._account.is_usable(self._clock.ticks(), self._clock.unix())

    @property
    def scope(self):
        """The scope that was granted, space-separated, or None."""
        tokens = self._account.tokens
        return None if tokens is None else tokens.scope

    @property
    def can_refresh(self):
        """Whether the provider gave a refresh token."""
        tokens = self._account.tokens
        return tokens is not None and tokens.refresh_token is not None

    @property
    def pause(self):
        """Milliseconds before the provider wants to hear of a refresh again."""
        tokens = self._account.tokens
        return 0 if tokens is None else tokens.pause(self._clock.ticks())

    async def ensure_linked(self):
        """Return the account's name (None if unknown), linking first where needed.

        Shows a code through `notify` and waits for the person. Raises LinkDenied,
        LinkExpired, ProviderError, or TransportError where the provider cannot be
        reached at all.
        """
        async with self._linking:
            if not self.is_linked:
                await self._link()
        self._look_after()
        stored = self._account.is_stored
        self._events.tell("linked", scope=self.scope, account=self.account, stored=stored)
        return self.account

    async def token(self):
        """Return an access token, refreshed first where needed.

        Raises NotLinked, and what `refresh` raises where the token in hand is of no use.
        """
        return await self._keep_up().token()

    def reject(self, token):
        """Note that an API refused the access token `token` (RFC 6750 section 3.1).

        True if `token()` will return another one. False if nothing better can be had: there
        is no refresh token, or a new one has been asked for within the last minute.
        """
        return self._keep_up().reject(token)

    async def refresh(self):
        """Get new tokens (RFC 6749 section 6), once for all tasks that ask together.

        The refresh token that comes back is durable before anybody sees the new access
        token. Raises NotLinked where the provider has ended the link, ProviderError
        where it refuses, TransportError where no answer came; the last two cost nothing.
        """
        await self._keep_up().refresh()

    async def get(self, url, headers=None, timeout_ms=None, max_body=MAX_BODY):
        """GET `url` with the bearer token and `headers` (a dict); see `request`."""
        request = get_request(url)
        request.headers.update(headers or {})
        return await self.request(request, timeout_ms, max_body)

    async def request(self, request, timeout_ms=None, max_body=MAX_BODY):
        """Send `request` with the bearer token (RFC 6750) and return the reply.

        A 401 that blames the token is answered by one refresh and one more try. Raises
        what `token` raises, and TransportError where no reply of at most `max_body` bytes
        arrives within `timeout_ms`.
        """
        from keyfob.oauth import bearer

        for is_last in (False, True):
            token = await self.token()
            headers = bearer.sign(request.headers, token)
            signed = Request(request.method, request.url, headers, request.body)
            reply = await self._provider.send(signed, timeout_ms, max_body)
            challenge = reply.headers.get("www-authenticate", "")
            if is_last or not bearer.blames_token(reply.status, challenge):
                return reply
            if not self.reject(token):
                return reply

    async def call_api(self):
        """GET the configured `api`, or else userinfo, and tell of the status.

        Returns the reply, or None where there is neither.
        """
        if self._api is None:
            await self._provider.discover()
        url = self._api or self._provider.profile.userinfo_endpoint
        if url is None:
            return None
        reply = await self.get(url)
        self._events.tell("api", status=reply.status)
        return reply

    async def unlink(self):
        """Give the tokens back and forget them; True if the provider confirmed it.

        Whatever the provider answers, nothing is left here (RFC 7009 section 2.2).
        Raises StorageError where the store will not let go of its copy.
        """
        revoked = await self._keep_up().give_back()
        await self._provider.hang_up()
        self._events.tell("unlinked", revoked=revoked)
        return revoked

    async def _join(self):
        """Get onto the network, and learn the time."""
        from keyfob.net import wifi

        tell = self._events.tell
        try:
            if await wifi.join(self._wifi, self._clock) is not None:
                tell("wifi", state="joined")
        except TransportError:
            tell("wifi", state="failed")
            raise
        finally:
            del wifi
            drop("keyfob.net.wifi")
        source = await self._clock.synchronise()
        tell("clock", state="unknown" if source is None else "set", source=source)

    async def _link(self):
        """Get a person's approval, and make it last."""
        try:
            await self._provider.discover()
            await self._accept(await self._get_approval())
        except KeyfobError as error:
            self._events.tell_error(error, fatal=True)
            raise
        finally:
            await self._provider.hang_up()

    async def _get_approval(self):
        """Return the tokens of a new link."""
        from keyfob.approval import get_approval

        try:
            return await get_approval(self._provider, self._clock, self._events, self._scope)
        finally:
            del get_approval
            drop("keyfob.approval", "keyfob.oauth.device_grant")

    async def _accept(self, tokens):
        """Make a new link durable, then known, and find out whose it is."""
        from keyfob import identity

        account = self._account
        keep = self._keep_up().keep
        try:
            claims = identity.claims(tokens, self._provider, self._clock.unix())
        except ProviderError as error:
            self._events.tell_error(error)  # the link holds; whose it is stays unknown
            claims = None
        identity.note(account, claims or {})
        account.is_stored = False
        keep(tokens)
        if claims is not None and account.name == account.subject:
            claims = await identity.ask(self, self._provider.profile, account)
            if claims is not None:
                identity.note(account, claims)
                keep(account.tokens)
        del identity
        drop("keyfob.identity", "keyfob.oauth.id_token")

    def _keep_up(self):
        """The Upkeep, which takes no RAM before there is something to look after."""
        if self._upkeep is None:
            from keyfob.upkeep import Upkeep

            self._upkeep = Upkeep(self._account, self._provider, self._clock, self._events)
        return self._upkeep

    def _look_after(self):
        """Have the tokens refreshed in the background, once there are some."""
        if self._is_open and self._task is None and self._account.tokens is not None:
            self._task = asyncio.create_task(self._keep_up().run())
