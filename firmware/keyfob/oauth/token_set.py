"""The tokens of a link: how long they live, when to refresh them, and the refresh itself.

A reply never changes the tokens in a `TokenSet`. A refresh returns a successor. So the new
refresh token can be stored before the new access token is used (RFC 9700 section 4.14.2), and
an unusable reply leaves the old tokens in use.
"""

from keyfob.compat import Loaded, const
from keyfob.errors import ProviderError, UsageError
from keyfob.oauth import outcome as meaning
from keyfob.oauth.outcome import classify
from keyfob.oauth.ticks import Stopwatch

_MAX_SKEW = const(300)  # s before expiry at which a token counts as stale
_MIN_AGE = const(30_000)  # ms between two refreshes ahead of expiry
_SOON = const(2_000)  # ms: after a lost reply servers accept the used token for a short time
_MAX_WAIT = const(900_000)  # ms between tries during temporary errors, at most
_BUSY_WAIT = const(60_000)  # ms at least after a 429
_REFUSED_WAIT = const(1_800_000)  # ms after a 4xx that does not say why
_REFUSED_TRIES = const(3)  # bare 400s, over an hour then, that mean invalid_grant
_CONFIG_WAIT = const(3_600_000)  # ms: the client's settings have to be corrected first
_OTHERS = const(200)  # bytes of a reply beside its tokens
_MAX_RETRY_AFTER = const(86_400)  # s

# The stored members: strings, and the two numbers that begin with "expires_".
TOKENS = (
    "access_token",
    "refresh_token",
    "scope",
    "expires_in",
    "expires_at",
    "id_token",
    "grant",
)


class TokenSet:
    """The tokens of one link.

    `access_token`, `refresh_token` (or None), `scope` (space-separated as granted, None
    if never named), `expires_in` (s, None if the provider did not say), `expires_at`
    (Unix seconds, None while the clock was unknown), `id_token` (or None), `grant` (the
    grant type that obtains new ones without a person, or None).

    `members` are these, as `record` returns them. `token_response.read` adds `issued_at` (ticks)
    for tokens that were issued in this boot.
    """

    def __init__(self, members):
        for name in TOKENS:
            setattr(self, name, members.get(name))
        self.size = 0  # bytes of the reply that they came in, where known
        self.early = 0  # ms by which `due` is earlier
        self.is_dead = False  # True once the provider has ended the link
        self.outcome = None  # why the last refresh yielded nothing: an Outcome, or the error
        issued_at = members.get("issued_at")
        # Stopwatch since the tokens were issued, if in this boot.
        self._age = None if issued_at is None else Stopwatch(issued_at)
        self._watch = None  # Stopwatch since `remaining` was first called for older ones
        self._rejected = False  # a resource server rejected the access token
        self.failures = 0  # refreshes that got no answer
        self._refusals = 0  # refreshes answered by a bare 400
        self._pause = None  # (Stopwatch, ms): no refresh before it ends
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
        if self.expires_in is None:
            return None
        if self._age is not None:
            return self.expires_in - self._age.elapsed(now) // 1000
        if self.expires_at is not None and unix is not None:
            if self._watch is None:
                self._watch = Stopwatch(now)
            left = self.expires_in - self._watch.elapsed(now) // 1000
            return min(left, self.expires_at - unix)
        return None

    @property
    def is_accepted(self):
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

        None where a refresh is impossible or not needed. A token that was issued with a life of 0
        is refreshed when it is used, never ahead.
        """
        if not self.can_refresh or self.is_dead or self.expires_in == 0:
            return None
        if self.is_fresh(now, unix):
            if self.expires_in is None:
                return None
            ahead = (self.remaining(now, unix) - self._skew()) * 1000 - self.early
        else:
            ahead = 0
        if self._age is not None:  # no storm of refreshes, whatever the stated lifetime
            ahead = max(ahead, _MIN_AGE - self._age.elapsed(now))
        return max(ahead, self.pause(now))

    def reject(self):
        """Note that a resource server rejected the access token (RFC 6750 section 3.1)."""
        self._rejected = True

    @property
    def leeway(self):
        """The most that `early` may be, in ms: a fleet spreads its refreshes over that time."""
        return 0 if self.expires_in is None else self._skew() * 500

    def resume(self):
        """The network is back: end the pause after a refresh that got no answer."""
        if self._is_unanswered:
            self._pause = None

    def pause(self, now):
        """Milliseconds before another refresh may be tried; 0 if it may be tried now."""
        if self._pause is None:
            return 0
        watch, length = self._pause
        return max(0, length - watch.elapsed(now))

    def refresh_request(self, profile, client):  # rare
        """Return the refresh request (RFC 6749 section 6). Raises UsageError without a token."""
        if not self.can_refresh or self.is_dead:
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

    def receive(self, reply, profile, client, now, unix=None):  # rare
        """Take the answer to a refresh; return the successor, or None if there is none.

        After None, `is_dead` is whether the link has ended, `outcome` why there are no tokens,
        and `pause(now)` when to try again. Only invalid_grant ends a link, or a third 400
        without an OAuth error, which some servers send instead.
        """
        size = len(reply.body)
        secrets = (self.refresh_token, self.access_token, client.secret)
        outcome = classify(reply, profile, secrets, unix, by_status=False)
        if outcome.kind == meaning.OK:
            try:
                tokens = self._successor(outcome.members, profile, now, unix)
                tokens.size = size
                return tokens
            except ProviderError as error:
                # The provider may have rotated the token; keep the present one.
                outcome.kind = meaning.ERROR
                outcome.description = error.message
        self.outcome = outcome
        if outcome.kind == meaning.REFUSED and reply.status == 400:
            self._refusals += 1
        if outcome.error == "invalid_grant" or self._refusals >= _REFUSED_TRIES:
            self.is_dead = self.grant is None  # a board's own account cannot be signed out
        wait = _CONFIG_WAIT
        if outcome.kind == meaning.RETRY:
            wait = self._next_wait()
        elif outcome.kind == meaning.SLOW_DOWN:
            wait = max(self._next_wait(), _BUSY_WAIT)
        elif outcome.kind == meaning.REFUSED:
            wait = _REFUSED_WAIT
        if outcome.retry_after is not None:
            wait = max(wait, min(outcome.retry_after, _MAX_RETRY_AFTER) * 1000)
        self._hold(wait, now)
        return None

    def postpone(self, error, now):  # rare
        """Pause for an hour after an unusable answer."""
        self.outcome = error
        self._hold(_CONFIG_WAIT, now)

    def failed(self, error, now):  # rare
        """Note that a refresh got no answer (a TransportError)."""
        self.outcome = error
        self._hold(self._next_wait(), now)
        self._is_unanswered = True

    def _successor(self, members, profile, now, unix):  # rare
        tokens = TokenSet.granted(members, profile, self.scope, now, unix)
        if tokens.refresh_token is None:
            tokens.refresh_token = self.refresh_token  # RFC 6749 section 6: still valid
        if tokens.id_token is None:
            tokens.id_token = self.id_token
        return tokens

    def _next_wait(self):  # rare
        """Milliseconds until the next try, longer each time, while there is no answer."""
        wait = min(_SOON << min(self.failures, 16), _MAX_WAIT)
        self.failures += 1
        return wait

    def _hold(self, wait, now):  # rare
        """Pause for `wait` ms."""
        self._is_unanswered = False
        self._pause = (Stopwatch(now), wait)

    def _skew(self):
        return min(_MAX_SKEW, self.expires_in // 10)
