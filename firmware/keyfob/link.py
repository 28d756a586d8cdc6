"""The whole thing wired: a board, its network, its clock, its store and one account.

    async with AccountLink.from_config() as link:
        await link.ensure_linked()
        reply = await link.get("https://api.example.com/v1/me")
"""

import asyncio
import os

from keyfob.compat import const
from keyfob.errors import (
    KeyfobError,
    NotLinked,
    ProviderError,
    StorageError,
    TransportError,
)
from keyfob.net.clock import Clock
from keyfob.net.http import HttpClient
from keyfob.oauth import device_grant, id_token, metadata, revocation, ticks
from keyfob.oauth import outcome as meaning
from keyfob.oauth.messages import Request, get_request
from keyfob.oauth.token_set import TokenSet

_TRIES = const(3)  # of a discovery request
_FIRST_PAUSE = const(1_000)  # ms between them, doubled each time
_SOON = const(5_000)  # ms: a refresh that may be tried again this soon is tried at once
_LONGEST_NAP = const(3_600_000)  # ms between two looks at what is due


class AccountLink:
    """One link between this device and an account.

    `notify(event, members)` is told of everything that happens, by the event names of
    the command line's `--json`; a time in its members is in ms. Members never hold a
    token, a device code or a secret.
    """

    def __init__(
        self, profile, client, scope=None, http=None, clock=None, store=None, notify=None
    ):
        self.account = None
        self._profile = profile
        self._client = client
        self._scope = scope
        self._http = HttpClient(allow_http=profile.allow_http) if http is None else http
        self._clock = Clock() if clock is None else clock
        self._store = store
        self._notify = notify
        self._wifi = ()
        self._api = None
        self._tokens = None
        self._subject = None  # the account's sub, which a refresh must not change
        self._is_stored = False  # whether the present link came from the store
        self._refreshing = asyncio.Lock()
        self._changed = asyncio.Event()  # wakes the background task
        self._task = None

    @classmethod
    def from_config(cls, path="/keyfob.json", notify=None, root=""):
        """Return a link as the configuration file `path` describes it.

        `root` stands before every path, for a board whose files lie in a folder of a PC.
        Raises ConfigError naming the field at fault.
        """
        from keyfob import config
        from keyfob.storage.file import FileStore

        found = config.load(path, root)
        link = cls(
            found.profile,
            found.client,
            found.scope,
            HttpClient(found.roots(), found.allow_http),
            store=FileStore(root),
            notify=notify,
        )
        link._wifi = found.wifi
        link._api = found.api
        return link

    async def __aenter__(self):
        await self._join()
        self._load()
        self._task = asyncio.create_task(self._keep_fresh())
        return self

    async def __aexit__(self, *_):
        self._task.cancel()
        try:
            await self._task
        except asyncio.CancelledError:
            if not self._task.done():
                raise  # it is we who are cancelled
        await self._http.close()

    @property
    def is_linked(self):
        """Whether there is an account to act for."""
        now, unix = self._now()
        return self._tokens is not None and self._tokens.is_usable(now, unix)

    @property
    def scope(self):
        """The scope that was granted, space-separated, or None."""
        return None if self._tokens is None else self._tokens.scope

    @property
    def can_refresh(self):
        """Whether the provider gave a refresh token."""
        return self._tokens is not None and self._tokens.refresh_token is not None

    @property
    def pause(self):
        """Milliseconds before the provider wants to hear of a refresh again."""
        return 0 if self._tokens is None else self._tokens.pause(self._clock.ticks())

    async def ensure_linked(self):
        """Return the account's name (None if unknown), linking first where needed.

        Shows a code through `notify` and waits for the person. Raises LinkDenied,
        LinkExpired, ProviderError, or TransportError where the provider cannot be
        reached at all.
        """
        if not self.is_linked:
            await self._discover()
            await self._attempt()
        self._tell(
            "linked", scope=self.scope, account=self.account, stored=self._is_stored
        )
        return self.account

    async def token(self):
        """Return an access token, refreshed first where needed. Raises NotLinked."""
        now, unix = self._now()
        tokens = self._linked_tokens()
        if tokens.is_fresh(now, unix):
            return tokens.access_token
        try:
            await self.refresh()
        except (TransportError, ProviderError):
            # Ahead of expiry a refresh may fail without harm, if it was not a refusal.
            left = None if self._tokens is None else tokens.remaining(*self._now())
            if left is None or left <= 0 or not tokens.is_accepted:
                raise
            return tokens.access_token
        return self._linked_tokens().access_token

    async def refresh(self):
        """Get new tokens (RFC 6749 section 6), once for all tasks that ask together.

        The refresh token that comes back is durable before anybody sees the new access
        token. Raises NotLinked where the provider has ended the link, ProviderError
        where it refuses, TransportError where no answer came; the last two cost nothing.
        """
        asked_for = self._linked_tokens()
        async with self._refreshing:
            tokens = self._linked_tokens()
            if tokens is asked_for:
                await self._refresh(tokens)

    async def get(self, url, timeout_ms=None):
        """GET `url` with the bearer token; see `request`."""
        return await self.request(get_request(url), timeout_ms)

    async def request(self, request, timeout_ms=None):
        """Send `request` with the bearer token (RFC 6750) and return the reply.

        A 401 that blames the token is answered by one refresh and one more try. Raises
        what `token` raises, and TransportError.
        """
        for last in (False, True):
            headers = dict(request.headers)
            headers["Authorization"] = "Bearer " + await self.token()
            signed = Request(request.method, request.url, headers, request.body)
            reply = await self._http.send(signed, timeout_ms)
            if last or reply.status != 401 or not self.can_refresh:
                return reply
            challenge = reply.headers.get("www-authenticate", "").lower()
            if "error=" in challenge and "invalid_token" not in challenge:
                return reply
            self._linked_tokens().reject()

    async def call_api(self):
        """GET the configured `api`, or else userinfo, and tell of the status.

        Returns the reply, or None where there is neither.
        """
        if self._api is None:
            await self._discover()
        url = self._api or self._profile.userinfo_endpoint
        if url is None:
            return None
        reply = await self.get(url)
        self._tell("api", status=reply.status)
        return reply

    async def unlink(self):
        """Give the tokens back and forget them; True if the provider confirmed it.

        Whatever the provider answers, nothing is left here (RFC 7009 section 2.2).
        """
        revoked = False
        tokens = self._linked_tokens()
        try:
            await self._discover()
            request = revocation.revocation_request(tokens, self._profile, self._client)
            if request is not None:
                revoked = revocation.is_confirmed(await self._http.send(request))
        except (TransportError, ProviderError):
            pass  # not confirmed, which the answer says
        finally:
            self._forget()
        self._tell("unlinked", revoked=revoked)
        return revoked

    # The network and the clock

    def _now(self):
        return self._clock.ticks(), self._clock.unix()

    async def _join(self):
        from keyfob.net import wifi

        try:
            if await wifi.join(self._wifi, self._clock) is not None:
                self._tell("wifi", state="joined")
        except TransportError:
            self._tell("wifi", state="failed")
            raise
        source = await self._clock.synchronise()
        self._tell("clock", state="unknown" if source is None else "set", source=source)

    async def _discover(self):
        """Learn the endpoints that the configuration left to the issuer."""
        if self._profile.is_complete:
            return
        pause = _FIRST_PAUSE
        for left in range(_TRIES - 1, -1, -1):
            try:
                search = metadata.Discovery(self._profile)
                while not search.receive(await self._http.send(search.request()), self._client):
                    pass
                return
            except TransportError as error:
                if error.kind == "tls" or not left:
                    raise
            await self._clock.sleep(pause)
            pause *= 2

    # Linking

    async def _attempt(self):
        clock = self._clock
        grant = device_grant.DeviceGrant(
            self._profile, self._client, self._scope, spread=_spread
        )
        request = grant.authorize(clock.ticks())
        while request is not None:
            is_poll = grant.state == device_grant.PENDING
            sent = clock.ticks()
            try:
                reply = await self._http.send(request)
                grant.receive(reply, *self._now())
            except TransportError as error:
                grant.failed(error, clock.ticks())
            wait = grant.wait(clock.ticks())
            if is_poll:
                self._tell_poll(grant, wait, ticks.diff(clock.ticks(), sent))
            elif grant.state == device_grant.PENDING:
                self._tell_code(grant)
            request = await self._next_request(grant)
        await self._http.close()
        if grant.state == device_grant.GRANTED:
            await self._accept(grant.tokens)
            return
        if grant.state == device_grant.DENIED:
            self._tell("denied")
        elif grant.state == device_grant.EXPIRED:
            self._tell("expired")
        raise grant.error

    async def _next_request(self, grant):
        while True:
            now = self._clock.ticks()
            wait = grant.wait(now)
            if wait is None:
                return None
            if wait == 0:
                if grant.state == device_grant.IDLE:
                    return grant.authorize(now)
                return grant.poll(now)
            await self._clock.sleep(wait)

    async def _accept(self, tokens):
        """Make a new link durable, then known."""
        try:
            claims = self._claims(tokens)
        except ProviderError as error:
            self._tell_error(error)
            claims = {}
        self._subject = claims.get("sub")
        self.account = id_token.account_name(claims)
        self._is_stored = False
        self._tokens = tokens
        self._save(tokens)
        self._changed.set()
        if self.account == self._subject:
            await self._ask_name()

    def _claims(self, tokens):
        """The verified claims of the tokens' ID token; {} where none is of use."""
        if tokens.id_token is None or self._profile.issuer is None:
            return {}
        return id_token.check(
            id_token.claims(tokens.id_token),
            self._profile.issuer,
            self._client.client_id,
            self._clock.unix(),
            None if self._subject is None else {"sub": self._subject},
        )

    async def _ask_name(self):
        """Ask userinfo for a friendlier name (OpenID Connect Core section 5.3)."""
        if self._profile.userinfo_endpoint is None or "openid" not in (self.scope or "").split():
            return
        try:
            reply = await self.get(self._profile.userinfo_endpoint)
            claims = reply.json() if reply.status == 200 else {}
        except (TransportError, ValueError):
            return  # a name is a nicety
        if isinstance(claims, dict) and claims.get("sub") == (self._subject or claims.get("sub")):
            self._subject = claims.get("sub")
            self.account = id_token.account_name(claims)
            self._save(self._tokens)

    # Staying linked

    async def _refresh(self, tokens):
        await self._discover()
        pause = tokens.pause(self._clock.ticks())
        while pause == 0:
            request = tokens.refresh_request(self._profile, self._client)
            try:
                reply = await self._http.send(request)
                successor = tokens.receive(reply, self._profile, self._client, *self._now())
            except TransportError as error:
                tokens.failed(error, self._clock.ticks())
                successor = None
            if successor is not None:
                self._succeed(tokens, successor)
                return
            if tokens.is_dead:
                self._forget()
                self._tell("signed_out")
                raise NotLinked(
                    "the provider has ended the link", "link the board again", "provider"
                )
            pause = tokens.pause(self._clock.ticks())
            if tokens.failures == 1 and pause <= _SOON:
                await self._clock.sleep(pause)  # the reply was lost: ask once more, soon
                pause = 0
        trouble = tokens.outcome
        if trouble.kind in (meaning.RETRY, meaning.SLOW_DOWN, meaning.REFUSED):
            raise TransportError("no new token: %s" % trouble, "it is tried again by itself")
        raise meaning.refusal(trouble)

    def _succeed(self, tokens, successor):
        try:
            self._claims(successor)
        except ProviderError as error:
            tokens.postpone(error, self._clock.ticks())
            raise
        rotated = successor.refresh_token != tokens.refresh_token
        self._save(successor)
        self._tokens = successor
        self._changed.set()
        self._tell("refreshed", rotated=rotated)

    async def _keep_fresh(self):
        """Refresh ahead of expiry for as long as the link lives."""
        while True:
            due = None if self._tokens is None else self._tokens.due(*self._now())
            if due == 0:
                try:
                    await self.refresh()
                except KeyfobError as error:
                    self._tell_error(error, fatal=isinstance(error, NotLinked))
                await asyncio.sleep(0)
            elif due is None:
                await self._changed.wait()
                self._changed.clear()
            else:
                await self._clock.sleep(min(due, _LONGEST_NAP))

    # The store

    def _load(self):
        if self._store is None:
            return
        try:
            record = self._store.load()
        except StorageError as error:
            self._tell_error(error)
            return
        if record is None or record.get("for") != self._owner():
            return  # nothing, or tokens of another provider, which must not see them
        self._tokens = TokenSet(record["tokens"])
        self.account = record.get("account")
        self._subject = record.get("sub")
        self._is_stored = True

    def _save(self, tokens):
        if self._store is None:
            return
        record = {
            "for": self._owner(),
            "account": self.account,
            "sub": self._subject,
            "tokens": tokens.record(),
        }
        try:
            self._store.save(record)
        except StorageError as error:
            self._tell_error(error)  # the running link goes on in memory

    def _forget(self):
        self._tokens = self.account = self._subject = None
        if self._store is not None:
            self._store.erase()

    def _owner(self):
        return [self._profile.identity, self._client.client_id]

    def _linked_tokens(self):
        if self._tokens is None:
            raise NotLinked("no account is linked", "call ensure_linked first")
        return self._tokens

    # Telling

    def _tell(self, event, **members):
        if self._notify is not None:
            self._notify(event, members)

    def _tell_code(self, grant):
        self._tell(
            "user_code",
            user_code=grant.user_code,
            verification_uri=grant.verification_uri,
            verification_uri_complete=grant.verification_uri_complete,
            expires_in=grant.expires_in,
            interval=grant.interval,
            resumed=False,
        )

    def _tell_poll(self, grant, wait, took):
        outcome = grant.outcome
        self._tell(
            "poll",
            result=meaning.NAMES[outcome.kind],
            error=outcome.error,
            interval=None if wait is None else wait / 1000,
            took=took,
            trouble=str(outcome) if outcome.kind >= meaning.RETRY else None,
        )

    def _tell_error(self, error, fatal=False):
        self._tell("error", **error.members(fatal))


def _spread(limit):
    """A random number of ms below `limit`."""
    return int.from_bytes(os.urandom(2), "big") * limit // 65536
