"""The whole thing wired: a board, its network, its clock, its store and one account.

async with AccountLink.from_config() as link:
    await link.ensure_linked()
    reply = await link.get("https://api.example.com/v1/me")
"""

import asyncio
import os

from keyfob.account import Account
from keyfob.errors import AS_FATAL, KeyfobError, ProviderError, StorageError, TransportError
from keyfob.events import Events
from keyfob.net.clock import Clock
from keyfob.net.http import HttpClient
from keyfob.net.http_reply import MAX_BODY
from keyfob.oauth import bearer, device_grant, id_token, ticks
from keyfob.oauth import outcome as meaning
from keyfob.oauth.messages import Request, get_request, members
from keyfob.provider import Provider
from keyfob.upkeep import Upkeep

# What the end of an attempt is called among the events; any other is an error.
_ENDS = {device_grant.DENIED: "denied", device_grant.EXPIRED: "expired"}


class AccountLink:
    """One link between this device and an account.

    `notify(event, members)` is told of everything that happens, by the event names of
    the command line's `--json`; a time in its members is in ms. Members never hold a
    token, a device code or a secret.
    """

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
        self._upkeep = Upkeep(self._account, self._provider, self._clock, self._events)
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
        from keyfob.storage.file import FileStore

        if notify is None:
            from keyfob.ui.displays.console import Console
            from keyfob.ui.screens import Screens

            notify = Screens(Console()).notify
        found = load(path, root)
        http = HttpClient(found.roots(), found.allow_http)
        store = FileStore(root)
        link = cls(found.profile, found.client, found.scope, http, store=store, notify=notify)
        link._wifi = found.wifi
        link._api = found.api
        return link

    async def __aenter__(self):
        await self._join()
        try:
            self._account.load()
        except StorageError as error:
            self._events.tell_error(error)  # linking again mends it
        self._task = asyncio.create_task(self._upkeep.run())
        return self

    async def __aexit__(self, *_):
        try:
            while not self._task.done():  # awaiting it could swallow a cancel meant for us
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
        return self._upkeep.is_linked

    @property
    def scope(self):
        """The scope that was granted, space-separated, or None."""
        tokens = self._account.tokens
        return None if tokens is None else tokens.scope

    @property
    def can_refresh(self):
        """Whether the provider gave a refresh token."""
        return self._upkeep.can_refresh

    @property
    def pause(self):
        """Milliseconds before the provider wants to hear of a refresh again."""
        return self._upkeep.pause

    async def ensure_linked(self):
        """Return the account's name (None if unknown), linking first where needed.

        Shows a code through `notify` and waits for the person. Raises LinkDenied,
        LinkExpired, ProviderError, or TransportError where the provider cannot be
        reached at all.
        """
        async with self._linking:
            if not self.is_linked:
                await self._link()
        stored = self._account.is_stored
        self._events.tell("linked", scope=self.scope, account=self.account, stored=stored)
        return self.account

    async def token(self):
        """Return an access token, refreshed first where needed.

        Raises NotLinked, and what `refresh` raises where the token in hand is of no use.
        """
        return await self._upkeep.token()

    def reject(self, token):
        """Note that an API refused the access token `token` (RFC 6750 section 3.1).

        True if `token()` will return another one. False if nothing better can be had: there
        is no refresh token, or a new one has been asked for within the last minute.
        """
        return self._upkeep.reject(token)

    async def refresh(self):
        """Get new tokens (RFC 6749 section 6), once for all tasks that ask together.

        The refresh token that comes back is durable before anybody sees the new access
        token. Raises NotLinked where the provider has ended the link, ProviderError
        where it refuses, TransportError where no answer came; the last two cost nothing.
        """
        await self._upkeep.refresh()

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
        revoked = await self._upkeep.give_back()
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
        source = await self._clock.synchronise()
        tell("clock", state="unknown" if source is None else "set", source=source)

    async def _link(self):
        """Get a person's approval, and make it last."""
        try:
            await self._provider.discover()
            await self._accept(await self._attempt())
        except KeyfobError as error:
            self._events.tell_error(error, fatal=True)
            raise
        finally:
            await self._provider.hang_up()

    async def _attempt(self):
        """Show a code and poll until it is approved; return the tokens."""
        clock = self._clock
        provider = self._provider
        grant = device_grant.DeviceGrant(provider.profile, provider.client, self._scope, _spread)
        request = grant.authorize(clock.ticks())
        while request is not None:
            is_poll = grant.state == device_grant.PENDING
            sent = clock.ticks()
            try:
                reply = await provider.send(request)
                grant.receive(reply, clock.ticks(), clock.unix())
            except TransportError as error:
                grant.failed(error, clock.ticks())
            wait = grant.wait(clock.ticks())
            if is_poll:
                self._tell_poll(grant.outcome, wait, ticks.diff(clock.ticks(), sent))
            elif grant.state == device_grant.PENDING:
                self._tell_code(grant)
            request = await self._next_request(grant)
        if grant.state == device_grant.GRANTED:
            return grant.tokens
        if grant.state in _ENDS:
            self._events.tell(_ENDS[grant.state])
            grant.error.told = AS_FATAL  # by that event
        raise grant.error

    async def _next_request(self, grant):
        """Wait until the grant's next request is due; None once there is none."""
        while True:
            now = self._clock.ticks()
            wait = grant.wait(now)
            if wait is None:
                return None
            if wait == 0:
                is_first = grant.state == device_grant.IDLE
                return grant.authorize(now) if is_first else grant.poll(now)
            await self._clock.sleep(wait)

    async def _accept(self, tokens):
        """Make a new link durable, then known, and find out whose it is."""
        account = self._account
        try:
            claims = self._claims(tokens)
        except ProviderError as error:
            self._events.tell_error(error)  # the link holds; whose it is stays unknown
            claims = None
        self._name(claims or {})
        account.is_stored = False
        self._upkeep.keep(tokens)
        if claims is not None and account.name == account.subject:
            await self._ask_name()

    def _claims(self, tokens):
        """The verified claims of the tokens' ID token; {} where there is none."""
        issuer = self._provider.profile.issuer
        if tokens.id_token is None or issuer is None:
            return {}
        claims = id_token.claims(tokens.id_token)
        return id_token.check(claims, issuer, self._provider.client.client_id, self._clock.unix())

    async def _ask_name(self):
        """Ask userinfo for a friendlier name (OpenID Connect Core section 5.3)."""
        account = self._account
        url = self._provider.profile.userinfo_endpoint
        if url is None or "openid" not in (self.scope or "").split():
            return
        try:
            reply = await self.get(url)
        except (TransportError, ProviderError):
            return  # a name is a nicety
        claims = (members(reply) if reply.status == 200 else None) or {}
        subject = claims.get("sub")
        if isinstance(subject, str) and account.subject in (None, subject):
            self._name(claims)
            self._upkeep.keep(account.tokens)

    def _name(self, claims):
        self._account.subject = claims.get("sub")
        self._account.name = id_token.account_name(claims)

    def _tell_code(self, grant):
        self._events.tell(
            "user_code",
            user_code=grant.user_code,
            verification_uri=grant.verification_uri,
            verification_uri_complete=grant.verification_uri_complete,
            expires_in=grant.expires_in,
            interval=grant.interval,
            resumed=False,
        )

    def _tell_poll(self, outcome, wait, took):
        self._events.tell(
            "poll",
            result=meaning.NAMES[outcome.kind],
            error=outcome.error,
            interval=None if wait is None else wait / 1000,
            took=took,
            trouble=str(outcome) if outcome.kind >= meaning.RETRY else None,
        )


def _spread(limit):
    """A random number of ms below `limit`."""
    return int.from_bytes(os.urandom(2), "big") * limit // 65536
