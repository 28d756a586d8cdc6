"""The tokens of a link: how long they live, when to refresh them, and the refresh itself.

A reply never changes the tokens in a `TokenSet`. A refresh returns a successor. So the new
refresh token can be stored before the new access token is used (RFC 9700 section 4.14.2), and
an unusable reply leaves the old tokens in use.
"""

from keyfob.compat import Loaded, const
from keyfob.errors import ProviderError, UsageError
from keyfob.oauth import outcome as meaning
from keyfob.oauth.ticks import Stopwatch

_MAX_SKEW = const(300)  # s before expiry at which a token counts as stale
_MIN_AGE = const(30_000)  # ms between two refreshes ahead of expiry
_SOON = const(2_000)  # ms: after a lost reply servers accept the used token for a short time
_LOST_TRIES = const(4)  # after a lost reply, before a refusal in passing has a pause of its own
_MAX_WAIT = const(900_000)  # ms between tries during temporary errors, at most
_BUSY_WAIT = const(60_000)  # ms at least after a 429
_REFUSED_WAIT = const(60_000)  # ms after a first 4xx that does not say why, doubled each time
_CONFIG_WAIT = const(3_600_000)  # ms: the client's settings have to be corrected first
_OTHERS = const(200)  # bytes of a reply beside its tokens
_MAX_RETRY_AFTER = const(86_400_000)  # ms
_MAX_ASKED_WAIT = const(3_600_000)  # ms of Retry-After for a program without a token
# Bare 400s: the person is told from the third on, 3 minutes after the first. From the seventh on,
# after an hour, the pause is a day.
_TOLD_REFUSALS = const(3)
_MANY_REFUSALS = const(7)
_DAY = const(86_400_000)  # ms
# s until a link that the provider has ended is tried again: the first time, the second, and so on.
_ENDED_WAITS = (3_600, 86_400, 604_800)

# The stored members: strings, and those of record._NUMBERS.
TOKENS = (
    "access_token",
    "refresh_token",
    "scope",
    "expires_in",
    "expires_at",
    "id_token",
    "grant",
    "wait",
    "schedule",
    "signed_out",
    "lost",
)


class TokenSet:
    """The tokens of one link.

    `access_token`, `refresh_token` (or None), `scope` (space-separated as granted, None
    if never named), `expires_in` (s, None if the provider did not say), `expires_at`
    (Unix seconds, None while the clock was unknown), `id_token` (or None), `grant` (the
    grant type that obtains new ones without a person, or None).

    `wait` (s) is the life of the refresh token, None if the provider did not say, and `schedule`
    its end (Unix seconds, None while the clock was unknown). A link that the provider has ended
    `is_dead`: `signed_out` is then the number of the next try to refresh it all the same (1 for
    the first, else None), `wait` the time until that, and `schedule` its date.

    `lost` is 1 where nobody has read the answer to a refresh that was made ahead of time, else
    None: the provider may have issued others, so it is asked again soon.

    `members` are these, as `record` returns them. `token_response.read` adds `issued_at` (ticks)
    for tokens that were issued in this boot.
    """

    def __init__(self, members):
        for name in TOKENS:
            setattr(self, name, members.get(name))
        self.size = 0  # bytes of the reply that they came in, where known
        self.early = 0  # ms by which `due` is earlier
        self.is_dead = self.signed_out is not None  # the provider has ended the link
        self._is_undated = self.is_dead  # before this boot, and its date has not been looked at
        self.outcome = None  # why the last refresh yielded nothing: an Outcome, or the error
        issued_at = members.get("issued_at")
        # Stopwatch since the tokens were issued, if in this boot.
        self._age = None if issued_at is None else Stopwatch(issued_at)
        self._watch = None  # Stopwatch since `remaining` was first called for older ones
        self._rejected = False  # a resource server rejected the access token
        self.failures = 0  # refreshes that got no answer
        self._refusals = 0  # refreshes answered by a 4xx that did not say why
        self.is_stuck = False  # that was the answer too often
        # (Stopwatch, ms, ms for a program without a token): no refresh before it ends
        self._pause = None
        self._is_unanswered = False  # the last refresh got no answer

    @classmethod
    def granted(cls, members, profile, requested, now, unix=None):
        """Return the tokens of a successful token response; see `token_response.read`."""
        with Loaded("keyfob.oauth.token_response") as code:
            return cls(code.read(members, profile, requested, now, unix))

    def record(self):
        """The tokens as a dict of JSON values, for `TokenSet(record)` after a reboot."""
        return {name: getattr(self, name) for name in TOKENS}

    def remaining(self, now, unix=None):
        """Seconds until the access token expires; None where that is unknown.

        In the boot that obtained the token this follows the monotonic counter, which no clock
        change affects. After a reset it needs the time of day, and a slow clock does not extend
        the life.
        """
        return self._left(self.expires_in, self.expires_at, now, unix)

    def _left(self, life, end, now, unix):
        """Seconds until a `life` in seconds is over, whose end was to be at `end`."""
        if life is None:
            return None
        if self._age is not None:
            return life - self._age.elapsed(now) // 1000
        if end is not None and unix is not None:
            if self._watch is None:
                self._watch = Stopwatch(now)
            return min(life - self._watch.elapsed(now) // 1000, end - unix)
        return None

    @property
    def is_accepted(self):  # rare
        """Whether no resource server has rejected the access token so far."""
        return not self._rejected

    @property
    def can_refresh(self):
        """Whether new tokens can be obtained without a person."""
        return self.refresh_token is not None or self.grant is not None

    def is_usable(self, now, unix=None):
        """Whether the tokens are of use: they can be refreshed, or have time left."""
        if self.is_dead or self.can_refresh:
            return not self.is_dead
        left = self.remaining(now, unix)
        return not self._rejected and (left is None or left > 0)

    def is_fresh(self, now, unix=None):
        """Whether the access token may be used as it is.

        One without a stated lifetime is used until a resource server rejects it; one
        whose age cannot be known (no clock since the reboot) is not.
        """
        if self._rejected or self.is_dead:
            return False
        if self.expires_in is None:
            return True
        left = self.remaining(now, unix)
        return left is not None and left > self._skew()

    def due(self, now, unix=None):
        """Milliseconds until a refresh ahead of expiry is due.

        None where a refresh is impossible or not needed. A refresh token that runs out is used
        before that. A link that has ended is tried again an hour later, a day after that, and
        then weekly.
        """
        if not self.can_refresh or self.expires_in == 0:  # 0: there are no tokens yet
            return None
        if self.is_dead:
            if self._is_undated:
                self._plan(now, unix)
            return self.pause(now)
        ahead = 0
        if self.lost is None and self.is_fresh(now, unix):
            if self.expires_in is None and self.wait is None:
                return None
            ends = []
            if self.expires_in is not None:
                ends.append(self.remaining(now, unix) - self._skew())
            if self.wait is not None:
                left = self._left(self.wait, self.schedule, now, unix)
                ends.append(0 if left is None else left - self.wait // 4)
            ahead = min(ends) * 1000 - self.early
        if self._age is not None:  # no storm of refreshes, whatever the stated lifetime
            least = min(_MIN_AGE, 750 * (self.wait or 40))  # a quarter before a token runs out
            ahead = max(ahead, least - self._age.elapsed(now))
        return max(ahead, self.pause(now))

    def reject(self):
        """Note that a resource server rejected the access token (RFC 6750 section 3.1)."""
        self._rejected = True

    @property
    def leeway(self):
        """The most that `early` may be, in ms: a fleet spreads its refreshes over that time."""
        leeway = None if self.expires_in is None else self._skew() * 500
        if self.wait is not None and not self.is_dead:
            spare = self.wait // 4 * 500
            leeway = spare if leeway is None else min(leeway, spare)
        return leeway or 0

    def resume(self):  # rare
        """The network is back: end the pause after a refresh that got no answer."""
        if self._is_unanswered:
            self._pause = self._pause[0], 0, 0
            self.failures = 0  # a reply that is lost now is asked for again soon

    def pause(self, now, expired=False):
        """Milliseconds before another refresh may be tried; 0 if it may be tried now.

        With `expired` it is for a program, whose access token has died.
        """
        if self._pause is None:
            return 0
        watch, length, least = self._pause
        return max(0, (least if expired else length) - watch.elapsed(now))

    def refresh_request(self, profile, client):  # rare: refresh_request
        """Return the refresh request (RFC 6749 section 6). Raises UsageError without a token."""
        if not self.can_refresh:
            raise UsageError("there is no refresh token")
        if self.grant is not None:
            with Loaded("keyfob.oauth.client_credentials") as code:
                return code.token_request(profile, client, self.scope)
        params = [("grant_type", "refresh_token"), ("refresh_token", self.refresh_token)]
        extra = profile.dialect and profile.dialect["extra_refresh_params"]
        url = profile.refresh_endpoint or profile.token_endpoint
        with Loaded("keyfob.oauth.messages") as code:
            request = code.form_request(url, params, client, profile, extra)
        texts = (self.access_token, self.refresh_token, self.id_token, self.scope)
        request.room = max(self.size, _OTHERS + sum([len(text or "") for text in texts]))
        return request

    def receive(self, reply, profile, client, now, unix=None):  # rare: successor
        """Take the answer to a refresh; return the successor, or None if there is none.

        After None, `is_dead` is whether the link has ended, `outcome` why there are no tokens,
        and `pause(now)` when to try again. Only an error that a person alone can mend ends a
        link.
        """
        size = len(reply.body)
        secrets = (self.refresh_token, self.access_token, client.secret)
        outcome = meaning.classify(reply, profile, secrets, unix, by_status=False)
        if outcome.kind == meaning.OK:
            try:
                tokens = self._successor(outcome.members, profile, now, unix)
                tokens.size = size
                return tokens
            except ProviderError as error:
                # The provider may have rotated the token; keep the present one.
                outcome.kind = meaning.ERROR
                outcome.description = error.message
        self._refused(outcome, reply.status, now, unix)
        return None

    def _refused(self, outcome, status, now, unix):  # rare
        """Note an answer without tokens, and when to try again."""
        self.outcome = outcome
        if not outcome.lost:
            self.lost = None
        with Loaded("keyfob.oauth.outcome_hints") as hints:
            is_end = hints.is_end(outcome)
            if hints.is_gateway(outcome, status):
                outcome.kind = meaning.REFUSED
        wait = _CONFIG_WAIT
        is_lost = self._is_unanswered and self.failures <= _LOST_TRIES  # an answer, just before
        if outcome.kind == meaning.RETRY:
            wait = self._next_wait()
        elif outcome.kind == meaning.SLOW_DOWN:
            wait = max(self._next_wait(), _BUSY_WAIT)
        elif self.is_dead or (is_end and self.grant is None):
            # A board's own account has a grant, and cannot be signed out.
            self.is_dead = True
            self.end(self.signed_out or 1, now, unix)
            return
        elif outcome.kind == meaning.REFUSED and is_lost:
            wait = self._next_wait()  # the used token may have little grace
        elif outcome.kind == meaning.REFUSED:
            wait = min(_REFUSED_WAIT << min(self._refusals, 16), _CONFIG_WAIT)
            self._refusals += 1
            self.is_stuck = status == 400 and self._refusals >= _TOLD_REFUSALS
            if self.is_stuck and self._refusals >= _MANY_REFUSALS:
                wait = _DAY
        self._hold(wait, now, outcome.retry_after)
        self._is_unanswered = is_lost and outcome.kind == meaning.REFUSED

    def end(self, number, now, unix=None):  # rare
        """Note that the provider has ended the link, and when try `number` (from 1 on) is due."""
        self.signed_out = min(number, len(_ENDED_WAITS))
        self.wait = _ENDED_WAITS[self.signed_out - 1]
        self.schedule = None if unix is None else unix + self.wait
        self.failures = 0
        self._is_undated = False
        self._hold(self.wait * 1000, now)

    def set_date(self, now, unix=None):  # rare
        """Give the next try of an ended link a date where it has none, or one too far ahead.

        Returns whether it did. A reset then costs none of the time that has passed. A date that is
        too far ahead stays for an hour, in which a clock that was wrong may be set.
        """
        left = self.due(now, unix)
        if unix is None:
            return False
        if self.schedule is not None:
            waited = self.wait * 1000 - left
            if self.schedule <= unix + self.wait or waited < _CONFIG_WAIT:
                return False
        self.schedule = unix + left // 1000
        return True

    def _plan(self, now, unix):  # rare
        """Pause until the next try of a link that had ended before the boot.

        That is what is left until its date. As long as the time is unknown, or behind, it is the
        whole wait.
        """
        if self._watch is None:
            self._watch = Stopwatch(now)
        left = self.wait - self._watch.elapsed(now) // 1000
        if unix is not None:
            self._is_undated = False
            if self.schedule is not None:
                left = min(left, self.schedule - unix)
        self._hold(max(0, left) * 1000, now)

    def postpone(self, error, now):  # rare
        """Pause for an hour after an unusable answer, or until the next try of an ended link."""
        self.outcome = error
        self.lost = None
        self._hold(self.wait * 1000 if self.is_dead else _CONFIG_WAIT, now)

    def failed(self, error, now):  # rare
        """Note that a refresh got no answer (a TransportError)."""
        self.outcome = error
        self._hold(self._next_wait(), now, error.interval)
        self._is_unanswered = True

    def _successor(self, members, profile, now, unix):  # rare: successor
        if members.get("token_type") in (None, ""):
            members["token_type"] = "bearer"  # noqa: S105 - as before: it is not worth losing tokens
        tokens = TokenSet.granted(members, profile, self.scope, now, unix)
        if tokens.refresh_token is None:
            tokens.refresh_token = self.refresh_token  # RFC 6749 section 6: still valid
        if tokens.id_token is None:
            tokens.id_token = self.id_token
        if tokens.wait is None and not self.is_dead:
            tokens.wait = self.wait  # which a provider need not repeat
            tokens.schedule = None if None in (self.wait, unix) else unix + self.wait
        return tokens

    def _next_wait(self):  # rare
        """Milliseconds until the next try, longer each time, while there is no answer."""
        wait = min(_SOON << min(self.failures, 16), _MAX_WAIT)
        self.failures += 1
        return wait

    def _hold(self, wait, now, asked=None):  # rare
        """Pause for `wait` ms, or for the `asked` s of a Retry-After where that is longer.

        Of that a program that waits for a token waits for an hour at most.
        """
        asked = (asked or 0) * 1000
        self._is_unanswered = False
        least = max(wait, min(asked, _MAX_ASKED_WAIT))
        self._pause = Stopwatch(now), max(wait, min(asked, _MAX_RETRY_AFTER)), least

    def _skew(self):
        return min(_MAX_SKEW, self.expires_in // 10)
