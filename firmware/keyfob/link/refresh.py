"""Staying linked: tokens refreshed ahead of expiry, one request for all who ask."""

import asyncio

from keyfob.compat import Loaded, const
from keyfob.errors import (
    KeyfobError,
    NotLinked,
    StorageError,
    TransportError,
    UsageError,
    no_memory,
    ours,
)
from keyfob.oauth import ticks

_SOON = const(5_000)  # ms: a refresh that may be tried again this soon is tried at once
_SLOW = const(30_000)  # ms for the reply to a refresh, once there was none to another
_NAP = const(60_000)  # ms between two looks at what is due
# ms between two refreshes that an API's 401 asks for: longer each time it asks at once again.
_REJECT_GAP = const(60_000)
_MAX_REJECT_GAP = const(3_600_000)


class Refresher:
    """Looks after the tokens of `account` (an Account) until they are given back.

    With `erase_ended` a link that the provider has ended is erased, instead of tried again.
    """

    erase_ended = False

    def __init__(self, account, provider, clock, events):
        self._account = account
        self._provider = provider
        self._clock = clock
        self._events = events
        self._lock = asyncio.Lock()  # held by whoever changes tokens at the provider
        self._trouble = None  # why the last refresh yielded nothing
        self._rejected_at = None  # ticks when an API last asked for a refresh
        self._reject_gap = _REJECT_GAP  # ms that have to pass before it may again
        self._changed = asyncio.Event()  # wakes the background task
        self._late = 0  # ms beyond a pause that the background task waits
        self._is_told = False  # that an ID token proves nothing
        tokens = account.tokens
        if tokens is not None:
            # Power may have gone in the middle of a refresh: where there may have been one, ask
            # at once, while the old refresh token has grace.
            tokens.early = tokens.leeway
            if tokens.due(*self._now()):
                self._spread(tokens)

    async def run(self):
        """Refresh ahead of expiry, and save again what could not be saved, for ever."""
        pause = _NAP
        while True:
            try:
                if await self._look():
                    pause = _NAP
            except Exception as error:  # noqa: BLE001 - nobody else would go on
                self._events.notify_error(error)
                for _ in range(pause // _NAP):
                    await self._nap(_NAP)
                pause = min(2 * pause, _MAX_REJECT_GAP)

    async def _look(self):
        """Do what is due, or wait a while; return whether there was a refresh."""
        tokens = self._account.tokens
        if tokens is not None and tokens.is_dead:
            unix = self._clock.unix()
            date = tokens.schedule
            if unix is not None and (date is None or date > unix + tokens.wait):
                self._date(tokens)
        due = None if tokens is None else tokens.due(*self._now())
        if due == 0:
            due, self._late = self._late, 0
        if due is None and self._events.unsaved is None:
            await self._changed.wait()
            self._changed.clear()
        elif due != 0:
            await self._nap(_NAP if due is None else min(due, _NAP))
        else:
            try:
                # Where it fails it sets a pause.
                await self._renew(tokens)
            except NotLinked:
                pass  # which has been told
            except KeyfobError as error:
                self._events.notify_error(error)
                pause = tokens.pause(self._clock.ticks())
                self._late = self._clock.jitter(min(pause // 8, _NAP))
            return True

    async def _nap(self, ms):
        await self._clock.sleep(ms)
        if self._events.unsaved is not None:
            self._events.attempt_again(self._account.save)

    def wake(self):
        """Look at what is due: there are new tokens."""
        self._spread(self._account.tokens)
        self._changed.set()

    async def token(self):  # rare
        """Return an access token; see `AccountLink.token`."""
        tokens = self._linked_tokens()
        if tokens.is_fresh(*self._now()):
            return tokens.access_token
        if not tokens.can_refresh:
            if self._account.is_usable(*self._now()):
                return tokens.access_token
            raise NotLinked("the access token has run out", "link the board again", "provider")
        try:
            await self.refresh()
        except (KeyfobError, MemoryError):
            if self._has_died(tokens) or self._account.tokens is not tokens or tokens.is_dead:
                raise  # else it was ahead of expiry, and the token in hand still does
        return self._linked_tokens().access_token

    def reject(self, token):  # rare: ends
        """Note that an API refused `token`; see `AccountLink.reject`."""
        tokens = self._account.tokens
        if tokens is None or tokens.access_token != token:
            return tokens is not None  # replaced meanwhile
        now = self._clock.ticks()
        since = -1 if self._rejected_at is None else ticks.diff(now, self._rejected_at)
        if tokens.is_dead or not tokens.can_refresh or 0 <= since < self._reject_gap:
            return False
        is_soon = 0 <= since < 2 * self._reject_gap
        self._reject_gap = min(2 * self._reject_gap, _MAX_REJECT_GAP) if is_soon else _REJECT_GAP
        self._rejected_at = now
        tokens.reject()
        return True

    async def refresh(self):  # rare
        """Get new tokens for a program; see `AccountLink.refresh`.

        A task of its own does that: where whoever asks is cancelled, the answer is not lost.
        """
        tokens = self._linked_tokens()
        if not tokens.can_refresh:
            raise UsageError(
                "the provider gave no refresh token", "ask for it by scope, if it has one"
            )
        over = asyncio.Event()
        errors = []

        async def run():
            try:
                await self._share(tokens)
            except Exception as error:  # noqa: BLE001 - it is raised below
                errors.append(error)
            finally:
                self._lock.release()
                over.set()

        await self._lock.acquire()
        try:
            asyncio.create_task(run())  # noqa: RUF006 - what it waits for keeps it
        except MemoryError:
            self._lock.release()
            raise
        await over.wait()
        if errors:
            raise errors[0]

    async def _share(self, tokens):  # rare
        """Refresh once for all who ask together; the lock is held."""
        if self._linked_tokens() is tokens:
            now = self._clock.ticks()
            if tokens.pause(now) and tokens.pause(now, self._has_died(tokens)):
                raise self._trouble
            await self._refresh(tokens)

    async def give_back(self):  # rare: ends
        """Revoke the tokens at the provider and forget them here; see `AccountLink.unlink`.

        Returns whether the provider confirmed it, and the StorageError of a store that keeps
        its copy, or None.
        """
        revoked = False
        trouble = None
        async with self._lock:  # or a refresh under way would bring them back
            try:
                revoked = await self._revoke()
            except (KeyfobError, MemoryError):
                pass  # not confirmed
            finally:
                try:
                    self._account.forget()
                except StorageError as error:
                    trouble = error
        return revoked, trouble

    def _spread(self, tokens):
        """Draw when to refresh `tokens`, so that a fleet that booted together spreads out."""
        if tokens is not None:
            tokens.early = self._clock.jitter(tokens.leeway)

    def _has_died(self, tokens):  # rare
        """Whether the access token is of no use any more."""
        return (tokens.remaining(*self._now()) or 0) <= 0 or not tokens.is_accepted

    async def _renew(self, tokens):  # rare
        """Refresh; a link that the provider has ended is tried once more."""
        was_dead = tokens.is_dead
        async with self._lock:
            if self._account.tokens is not tokens or tokens.is_dead is not was_dead:
                return
            if not was_dead:
                return await self._share(tokens)
            if not tokens.failures:
                is_first = tokens.wait != 0
                tokens.end(tokens.signed_out + is_first, *self._now())
                date = tokens.wait, tokens.schedule
                if is_first:
                    # Should power go now, there may have been new tokens: the next boot asks at
                    # once. It does so once: a board that loses power over it must not go on.
                    tokens.wait, tokens.schedule = 0, None
                self._save_end()
                tokens.wait, tokens.schedule = date
            try:
                await self._refresh(tokens)
            except KeyfobError:
                if self._account.tokens is tokens and not tokens.failures:
                    self._save_end()
                raise

    def _date(self, tokens):  # rare: ends
        """See that an ended link has a date for its next try, since it may be a week away."""
        if tokens.set_date(*self._now()):
            self._save_end()

    def _save_end(self):  # rare: ends
        """Store that the link has ended, or is as before; a code that is pending stays."""
        account = self._account
        self._events.attempt(account.keep_pending, account.pending)

    async def _refresh(self, tokens):  # rare
        """Refresh once, and once more soon after where the reply was lost."""
        is_noted = self._note(tokens)
        error = self._trouble = await self._try(tokens)
        pause = tokens.pause(self._clock.ticks())
        if error is not None and pause <= _SOON:
            await self._clock.sleep(pause)
            error = self._trouble = await self._try(tokens)
        await self._provider.hang_up()
        if error is not None:
            if tokens.lost is not None:
                self._changed.set()
            elif is_noted and not tokens.is_dead:
                self._save_end()
            raise error

    def _note(self, tokens):  # rare
        """Store that a refresh is under way, unless a boot asks at once; whether it is stored.

        A program asks early, an API has refused the token, or the clock was wrong. Should power go
        before new tokens are stored, there may have been some.
        """
        from keyfob.oauth.token_set import TokenSet  # stays: the tokens do

        if tokens.is_dead or tokens.refresh_token is None:
            return False
        stored = TokenSet(tokens.record())
        stored.early = stored.leeway
        now, unix = self._now()
        # A boot may know the time, and so that they are not due.
        is_dated = unix is not None or stored.expires_at is None
        if is_dated and stored.due(now, unix) == 0:
            return stored.lost is not None
        tokens.lost = 1
        try:
            self._account.save()
        except Exception:  # noqa: BLE001, S110 - it matters where power goes now, and nowhere else
            pass
        return True

    async def _try(self, tokens):  # rare
        """Ask for new tokens once; return None, or the error that says why there are none."""
        provider = self._provider
        try:
            # New tokens that cannot be stored had better not be issued. It is only looked at:
            # their reply needs that room first.
            self._account.check_store()
            await provider.discover(1)  # this one is tried again itself
            request = tokens.refresh_request(provider.profile, provider.client)
            # A provider that is slow has new tokens ready, whose reply would be lost each time.
            limit = _SLOW if tokens.failures else None
            # Nothing here keeps the reply, which takes as much memory again as the tokens.
            successor = self._receive(tokens, await provider.send(request, limit))
            if successor is None:
                return self._refused(tokens)
            doubt = self._check_subject(successor, tokens)
        except (TransportError, MemoryError) as error:
            if isinstance(error, MemoryError):
                error = no_memory("for new tokens", "free some RAM")
            tokens.failed(error, self._clock.ticks())
            return error
        except Exception as error:  # noqa: BLE001 - it is told
            is_ours = isinstance(error, KeyfobError)
            error = ours(error)
            if is_ours and error.interval is None:
                tokens.postpone(error, self._clock.ticks())  # asking again soon would not mend it
            else:
                tokens.failed(error, self._clock.ticks())
            return error
        try:
            await provider.hang_up()  # storing them wants its RAM
        finally:  # a cancellation must not cost the tokens
            if self._account.tokens is tokens:  # else a person has made a new link meanwhile
                self._events.attempt(self._account.keep, successor)  # the link goes on in memory
                self.wake()
        self._tell(tokens, successor, doubt)
        return None

    def _tell(self, tokens, successor, doubt):  # rare
        """Tell of new tokens, and of an ID token that proved nothing once."""
        account = self._account
        if account.tokens is not successor:
            return
        unsaved = self._events.unsaved
        if tokens.is_dead:
            self._events.notify(
                "linked",
                scope=successor.scope,
                account=account.name,
                stored=False,
                switched=False,
                unsaved=unsaved,
            )
        else:
            rotated = successor.refresh_token != tokens.refresh_token
            self._events.notify("refreshed", rotated=rotated, unsaved=unsaved)
        if doubt is not None and not self._is_told:
            self._is_told = True
            self._events.notify_error(doubt)

    def _receive(self, tokens, reply):  # rare
        provider = self._provider
        return tokens.receive(reply, provider.profile, provider.client, *self._now())

    def _check_subject(self, successor, tokens):  # rare
        """See whether new tokens are still the same person's (OpenID Connect Core section 12.2).

        Raises ProviderError where their ID token names another. One that cannot be read, or is
        not valid, proves nothing: why is returned, and the last one stays. Dates are not judged:
        who is linked is known, and a clock that went wrong must not cost the link.
        """
        subject = self._account.subject
        provider = self._provider
        issuer = provider.profile.issuer
        if subject is None or issuer is None or successor.id_token is None:
            return None
        claims = {}
        try:
            with Loaded("keyfob.oauth.id_token") as id_token:
                claims = id_token.claims(successor.id_token)
                id_token.check(claims, issuer, provider.client.client_id, None, {"sub": subject})
            return None
        except Exception as error:  # of any kind: the tokens are worth more than their proof
            named = claims.get("sub")
            if isinstance(named, str) and named not in ("", subject):
                raise
            successor.id_token = tokens.id_token
            return ours(error)

    def _refused(self, tokens):  # rare: ends
        """The error for an answer without tokens; that a link has ended is told once."""
        outcome = tokens.outcome
        if tokens.is_dead:
            error = NotLinked(
                "the provider has ended the link: %s" % outcome, "link the board again", "provider"
            )
            if self._account.tokens is not tokens:
                return error  # a person has made a new link meanwhile
            if self.erase_ended:
                self._events.attempt(self._account.forget)
            else:
                self._save_end()
            if tokens.signed_out == 1:
                self._events.notify("signed_out")
                self._events.notify_error(error, fatal=True)
            return error
        with Loaded("keyfob.oauth.outcome_hints") as hints:
            if tokens.is_stuck:
                error = hints.refusal(outcome)
                self._events.notify_error(error, fatal=True)  # the person sees it
                return error
            if hints.is_passing(outcome):
                return TransportError("no new token: %s" % outcome, "it is tried again by itself")
            return hints.refusal(outcome)

    async def _revoke(self):  # rare: ends
        """Revoke the tokens (RFC 7009); whether the provider confirmed it."""
        provider = self._provider
        tokens = self._account.tokens
        if tokens is None:
            return False
        await provider.discover()
        with Loaded("keyfob.oauth.revocation") as code:
            request = code.revocation_request(tokens, provider.profile, provider.client)
            return request is not None and code.is_confirmed(await provider.send(request))

    def _linked_tokens(self):  # rare
        tokens = self._account.tokens
        if tokens is None or tokens.is_dead:
            raise NotLinked("no account is linked", "call ensure_linked first")
        return tokens

    def _now(self):
        return self._clock.ticks(), self._clock.unix()
