"""The Device Authorization Grant (RFC 8628) as a state machine without I/O.

    grant = DeviceGrant(profile, client, scope)
    request = grant.authorize(now)        # send it, then
    grant.receive(reply, now)             # or grant.failed(error, now)
    while (wait := grant.wait(now)) is not None:
        ...                               # sleep `wait` ms
        request = grant.poll(now)         # None once the code has run out
        ...                               # send it; grant.receive(reply, now)

`now` is a reading of a millisecond counter that may wrap. A wait starts with the last reply,
not with its request. It is a little longer than the provider asked for: servers count whole
seconds, and clocks drift.
"""

from keyfob.compat import Loaded, const
from keyfob.errors import ProviderError, UsageError
from keyfob.oauth import outcome as meaning
from keyfob.oauth.ticks import Stopwatch

# The members of a device authorization response that a person may see (RFC 8628 section 3.2).
SHOWN = ("user_code", "verification_uri", "verification_uri_complete", "expires_in", "interval")

IDLE = const(0)
REQUESTED = const(1)
PENDING = const(2)
GRANTED = const(3)
DENIED = const(4)
EXPIRED = const(5)
FAILED = const(6)

# Which state an outcome leads to, by its kind in the order of outcome.NAMES. A poll's pending,
# slow_down and passing errors keep the grant PENDING.
_AFTER_REQUEST = (
    PENDING,  # OK
    FAILED,  # PENDING
    FAILED,  # SLOW_DOWN
    FAILED,  # DENIED
    FAILED,  # EXPIRED
    FAILED,  # ERROR
    IDLE,  # RETRY
    FAILED,  # REFUSED
)
_AFTER_POLL = (
    GRANTED,  # OK
    PENDING,  # PENDING
    PENDING,  # SLOW_DOWN
    DENIED,  # DENIED
    EXPIRED,  # EXPIRED
    FAILED,  # ERROR
    PENDING,  # RETRY
    PENDING,  # REFUSED
)

_SLOW_DOWN = const(5)  # s, RFC 8628 section 3.5
_MIN_MARGIN = const(500)  # ms
_MAX_BACKOFF = const(60_000)  # ms, or two intervals where that is longer
_FIRST_RETRY = const(1_000)  # ms, doubled for each failure of the first request
_PATIENCE = const(60)  # s of Retry-After that the first request waits at most
_LAST_POLL = const(1_000)  # ms before the deadline
_SLOW_REPLY = const(3_000)  # ms that an answer may take before the last poll
_LATE = const(5_000)  # ms: this close to the end, invalid_grant means expired
_TRIES = const(3)  # of the first request, and of bare 4xx answers in a row
_LONGEST_INTERVAL = const(4_000_000_000)  # s: longer than any code lives
_LONGEST_WAIT = const(86_400_000)  # ms: the counter has to be read before it wraps


class DeviceGrant:
    """One attempt to get a person's approval.

    After PENDING: `user_code`, `verification_uri`, `verification_uri_complete` (or None),
    `expires_in` and `interval` (s). After GRANTED: `tokens`, made of `issued`. At any time:
    `state`, `outcome` (the meaning of the last answer) and `error` (why it ended, or None).
    `spread(ms)` returns a random number of ms below `ms`, so that boards do not retry in step
    after an outage.
    """

    def __init__(self, profile, client, scope=None, spread=None):
        self.state = IDLE
        self.outcome = None
        self.error = None
        self.issued = None
        self.user_code = self.verification_uri = self.verification_uri_complete = None
        self.expires_in = None
        self.interval = profile.default_interval
        self._profile = profile
        self._client = client
        self._scope = scope
        self._spread = spread
        self._device_code = None
        self._token_request = None  # made for the first poll
        self._watch = None  # Stopwatch since the device authorization request was sent
        self._lifetime = 0  # ms on that watch
        self._due = 0  # ms on that watch
        self._in_flight = False
        self._failures = 0  # in a row, without a usable answer
        self._refusals = 0  # bare 4xx in a row
        # What came instead of answers about the code since the last one, and the last of it that
        # may have had the tokens; each is (text, kind of error) or None.
        self._trouble = (None, None)

    @property
    def tokens(self):  # rare
        """The TokenSet that was issued, None before that."""
        if self.issued is None:
            return None
        from keyfob.oauth.token_set import TokenSet  # stays: the tokens do

        return TokenSet(self.issued)

    def authorize(self, now):  # rare: grant_requests
        """Return the device authorization request (RFC 8628 section 3.1)."""
        if self.state != IDLE:
            raise UsageError("this grant has been started already")
        profile = self._profile
        params = [("scope", self._scope)]
        extra = profile.extra_da_params
        # Servers built on oauthlib look for client_id in the form, Basic or not.
        with Loaded("keyfob.oauth.messages") as code:
            request = code.form_request(
                profile.device_authorization_endpoint, params, self._client, profile, extra, True
            )
        self.state = REQUESTED
        self._in_flight = True
        self._watch = Stopwatch(now)
        return request

    def shown(self):
        """The members of the code that a person may see, as a dict."""
        code = {}
        for name in SHOWN:
            code[name] = getattr(self, name)
        return code

    def record(self, now, unix=None):  # rare
        """A PENDING grant as a dict of JSON values, for `resume` after a reset."""
        left = (self._lifetime - self._watch.elapsed(now)) // 1000
        record = self.shown()
        record["device_code"] = self._device_code
        record["expires_in"] = left
        record["expires_at"] = None if unix is None else unix + left
        return record

    def resume(self, record, now, unix=None):  # rare
        """Continue the grant of `record`; False where that is None or has expired.

        Where it is unknown how long the power was off, the provider decides.
        """
        if record is None:
            return False
        left = record.get("expires_in") or self._profile.default_expires
        if unix is not None and record.get("expires_at") is not None:
            left = min(left, record["expires_at"] - unix)
        if left <= record["interval"]:
            return False
        self._begin(dict(record, expires_in=left))
        self._watch = Stopwatch(now)
        self.state = PENDING
        # The last poll may have been sent just before the reset.
        self._schedule(0, self._step())
        self._trouble = (None, ("the device was restarted", "network"))
        return True

    def poll(self, now):
        """Return the next token request (section 3.4), or None once the code has run out.

        Raises UsageError if it is not due yet or another one has not been answered.
        """
        wait = self.wait(now)
        if wait is None:
            return None
        if self.state != PENDING or wait or self._in_flight:
            raise UsageError("it is too early for a poll")
        if self._token_request is None:
            self._token_request = self._make_token_request()
        self._in_flight = True
        return self._token_request

    def _make_token_request(self):  # rare: grant_requests
        """The request of every poll."""
        profile = self._profile
        params = [("grant_type", profile.grant_type), ("device_code", self._device_code)]
        if profile.dialect is not None and profile.dialect["send_user_code"]:
            params.append(("user_code", self.user_code))
        extra = profile.extra_token_params
        with Loaded("keyfob.oauth.messages") as code:
            url = profile.token_endpoint
            request = code.form_request(url, params, self._client, profile, extra)
            request.is_repeated = True
            return request

    def wait(self, now):
        """Milliseconds until the next request is due, or None once the grant has ended.

        Never more than a day: call it again then.
        """
        if self._watch is None:
            return 0
        if self.state > PENDING:
            return None
        elapsed = self._watch.elapsed(now)
        if self.state == PENDING and elapsed >= self._lifetime and not self._in_flight:
            self._expire()
            return None
        return min(max(0, self._due - elapsed), _LONGEST_WAIT)

    def receive(self, reply, now, unix=None):  # rare
        """Take the answer to the last request and return the new state.

        `unix` is the time in Unix seconds, or None while it is unknown.
        """
        secrets = (self._device_code, self._client.secret)
        with Loaded("keyfob.oauth.outcome") as code:
            outcome = code.classify(reply, self._profile, secrets, unix)
        return self._advance(outcome, now, unix)

    def failed(self, error, now):  # rare
        """Note that the last request got no answer (a TransportError); return the state."""
        first = self.state == REQUESTED
        outcome = meaning.Outcome(meaning.RETRY, None, error.message)
        # Where memory ran out after a refusal was read, nothing was lost.
        was_read = self.outcome is not None and self.outcome.kind == meaning.DENIED
        outcome.lost = error.lost and error.kind != "tls" and not was_read
        state = self._advance(outcome, now, None, error.kind)
        # Before a code was shown the server may be an impostor. Too long a reply stays too long.
        if (first and error.kind == "tls") or error.is_final:
            state = FAILED
        return self._end(FAILED, error) if state == FAILED else state

    def _advance(self, outcome, now, unix=None, trouble="network"):  # rare
        """Take the meaning of an answer; `trouble` is the kind of error where there is none."""
        if not self._in_flight:
            raise UsageError("no answer was expected")
        self.outcome = outcome
        elapsed = self._watch.elapsed(now)
        if outcome.kind == meaning.OK:
            try:
                self._take(outcome.members, now, unix)
            except ProviderError as error:
                outcome.kind = meaning.ERROR
                return self._end(FAILED, error)
            finally:
                outcome.members = None  # keep secrets once
        self._count(outcome, self._lifetime - elapsed, trouble)
        state = (_AFTER_POLL if self.state == PENDING else _AFTER_REQUEST)[outcome.kind]
        too_long = (outcome.retry_after or 0) > _PATIENCE
        if state == IDLE and (too_long or self._failures >= _TRIES):
            state = FAILED
        if state > PENDING:
            return self._end(state, _reason(state, outcome, self._trouble))
        self._in_flight = False  # not where memory ran out above: that answer has `failed`
        self.state = state
        self._schedule(elapsed, self._gap(outcome))
        return state

    def _take(self, members, now, unix):  # rare
        if self.state == PENDING:
            with Loaded("keyfob.oauth.token_response") as code:
                self.issued = code.read(members, self._profile, self._scope, now, unix)
            return
        with Loaded("keyfob.oauth.device_response") as code:
            self._begin(code.read(members, self._profile))

    def _begin(self, record):  # rare
        """Take the members of a device authorization response, or of the `record` of a grant."""
        self._device_code = record["device_code"]
        for name in SHOWN:
            setattr(self, name, record.get(name))
        self._lifetime = self.expires_in * 1000

    def _count(self, outcome, left, trouble):  # rare
        """Update interval and counters; earlier answers may change the meaning of this one.

        `trouble` is the kind of error where no answer came.
        """
        kind = outcome.kind
        if kind == meaning.SLOW_DOWN:
            self.interval += _SLOW_DOWN
        if kind in (meaning.PENDING, meaning.SLOW_DOWN) and outcome.interval is not None:
            self.interval = max(self.interval, min(outcome.interval, _LONGEST_INTERVAL))
        is_refused = kind == meaning.REFUSED
        self._refusals = self._refusals + 1 if is_refused else 0
        self._failures = self._failures + 1 if is_refused or kind == meaning.RETRY else 0
        if self._refusals >= _TRIES:
            outcome.kind = meaning.ERROR
        elif outcome.error == "invalid_grant" and self.state == PENDING and left <= _LATE:
            # Some servers answer expired_token once only, others never.
            outcome.kind = meaning.EXPIRED
        if self.state == PENDING:
            if kind == meaning.DENIED and self._trouble[1] is not None:
                outcome.kind = meaning.ERROR  # some servers say so of a code that is used up
            elif outcome.error is not None and kind in (meaning.PENDING, meaning.SLOW_DOWN):
                self._trouble = (None, None)
            elif kind in (meaning.RETRY, meaning.REFUSED, meaning.SLOW_DOWN):
                last = (str(outcome), trouble)
                self._trouble = (last, last if outcome.lost else self._trouble[1])

    def _gap(self, outcome):  # rare
        """Milliseconds from now to the next request."""
        gap = step = self._step() if self.state == PENDING else _FIRST_RETRY
        if self._failures:
            gap = min(step << min(self._failures, 16), max(2 * step, _MAX_BACKOFF))
            if self._spread is not None:
                gap += self._spread(gap // 8)
        if outcome.retry_after is not None:
            gap = max(gap, outcome.retry_after * 1000 + _MIN_MARGIN)
        return gap

    def _step(self):  # rare
        interval = self.interval * 1000
        return interval + max(_MIN_MARGIN, interval // 10)

    def _schedule(self, elapsed, gap):  # rare
        """Set when the next request is due, so that the last poll is just before the end.

        A poll that would leave no time for another one is moved to the last moment, and so is
        one that would come too late. After the last poll the grant waits until the end.
        """
        due = elapsed + gap
        if self.state == PENDING:
            last = self._lifetime - _LAST_POLL
            if due + _SLOW_REPLY + self._step() > last:
                # A second poll never comes before the interval is over, unless that is senseless.
                is_free = self._token_request is None or self.interval * 1000 >= self._lifetime
                due = last if is_free else max(last, elapsed + self.interval * 1000)
                if due > self._lifetime or last - elapsed < _LAST_POLL:
                    due = self._lifetime
        self._due = due

    def _expire(self):  # rare
        self._end(EXPIRED, _reason(EXPIRED, None, self._trouble))

    def _end(self, state, error):  # rare
        self.state = state
        self.error = error
        self._device_code = self._token_request = None
        self._in_flight = False
        return state


def _reason(state, outcome, trouble):  # rare
    """The error of a final state, after the `trouble` of a grant; None for GRANTED."""
    if state == GRANTED:
        return None
    with Loaded("keyfob.oauth.outcome_hints") as hints:
        if state == EXPIRED:
            return hints.expiry(trouble[0])
        if state == DENIED:
            return hints.denial(outcome)
        return hints.refusal(outcome) if trouble[1] is None else hints.loss(outcome, trouble[1])
