"""Discovery: from an issuer to its endpoints (RFC 8414, OpenID Connect Discovery 1.0)."""

from keyfob.compat import Loaded
from keyfob.errors import ConfigError, ProviderError, TransportError
from keyfob.oauth import url
from keyfob.oauth.excerpt import Excerpt

_OIDC = "/.well-known/openid-configuration"
_OAUTH = "/.well-known/oauth-authorization-server"
# Read beside the endpoints.
_OTHERS = ["issuer", "token_endpoint_auth_methods_supported"]


def well_known(issuer):
    """The addresses to try in turn: OIDC appends to the path, RFC 8414 inserts before it."""
    base = issuer[:-1] if issuer.endswith("/") else issuer
    scheme, _, rest = base.partition("://")
    host, slash, path = rest.partition("/")
    return (base + _OIDC, "%s://%s%s%s%s" % (scheme, host, _OAUTH, slash, path))


def learn(profile, metadata):
    """Set the endpoints that the configuration leaves open from a discovery document.

    Raises ConfigError, and sets none, where one that the grant needs is not safe. Any other that
    is not safe is left out.
    """
    needed = ("token_endpoint", "device_authorization_endpoint" if profile.needs_person else None)
    found = {}
    for name in profile.open:
        address = metadata.get(name)
        if isinstance(address, str):
            trouble = _trouble(address, profile)
            if trouble is None:
                found[name] = address
            elif name in needed:
                with Loaded("keyfob.oauth.messages") as code:
                    address = code.clean(address)
                raise ConfigError(
                    "the %s of %s %s: %s" % (name, profile.issuer, trouble, address),
                    "the provider has to correct it: what it names is its own, and https as it is",
                )
    for name in found:
        setattr(profile, name, found[name])
    profile.is_complete = profile.token_endpoint is not None and (
        profile.device_authorization_endpoint is not None or not profile.needs_person
    )


def _trouble(address, profile):
    """Why an endpoint's address is not safe, None where it is as safe as the issuer's."""
    try:
        scheme, host, _, _ = url.split(address)
    except ValueError as error:
        return str(error)
    at_home, home, _, _ = url.split(profile.issuer)
    may_be_http = at_home == "http"
    if is_near(host) and not is_near(home):
        return "leads to this device itself"
    if scheme == "http" and not (may_be_http and url.protects(scheme, host, profile.allow_http)):
        return "is an http address, and secrets would travel unprotected"
    return None


def is_near(host):
    """Whether `host` may be this machine in some spelling, so that nobody else should name it."""
    octets = host.encode()
    if b":" in octets:
        last = octets.lstrip(b"0:")  # an IPv4 address may be behind ffff:
        return last in (b"", b"1") or last.startswith(b"ffff:")
    return url.is_loopback(host) or octets.endswith(b".localhost") or not octets.strip(b"0.")


class Discovery:
    """Looks an issuer up. Send `request()`s to `receive` until that returns True."""

    def __init__(self, profile):
        self._profile = profile
        self._left = list(well_known(profile.issuer))
        self._error = None  # to raise if every address fails; a temporary one comes first

    def request(self):
        """Return the next request to send; of its reply only the members that count are kept."""
        with Loaded("keyfob.oauth.messages") as messages:
            request = messages.get_request(self._left[0])
        request.filter = Excerpt(_OTHERS + self._profile.open).feed
        return request

    def receive(self, reply, client=None):
        """Take an answer: True once profile and client are complete.

        Raises ConfigError where the document names another issuer (RFC 8414 section 3.3: byte
        for byte) or an address that is not safe, ProviderError where there is no device grant
        or no document, TransportError for a temporary error.
        """
        self._left.pop(0)
        profile = self._profile
        values = None
        if reply.status == 200:
            with Loaded("keyfob.oauth.messages") as code:
                values = code.members(reply)
        if values is not None and isinstance(values.get("issuer"), str):
            if values["issuer"] != profile.issuer:
                raise _misnamed(profile.issuer, values["issuer"])
            learn(profile, values)
            if profile.is_complete:
                if client is not None and client.auth is None:
                    client.set_auth(values.get("token_endpoint_auth_methods_supported"))
                return True
            self._error = self._error or ProviderError(
                "%s does not offer the device grant" % profile.issuer,
                "switch it on at the provider, or choose another issuer",
            )
        else:
            self._error = _unanswered(reply, values, profile.issuer, self._error) or self._error
        if self._left:
            return False
        raise self._error or _missing(profile.issuer)


def _misnamed(issuer, own):  # rare: discovery
    """The error for a document of `issuer` that names another one, `own`."""
    with Loaded("keyfob.oauth.messages") as code:
        spelling = code.clean(own)
    if "{" in own:
        return ConfigError(
            "the issuer %s stands for all tenants" % issuer,
            "enter that of your tenant, with its id in place of the braces: %s" % spelling,
        )
    return ConfigError(
        "the issuer %s calls itself otherwise" % issuer, "use its own spelling: %s" % spelling
    )


def _missing(issuer):  # rare: discovery
    """The error where there is no document at either address."""
    name, is_document, _ = issuer.partition("/.well-known/")
    if is_document:
        return ProviderError(
            "%s has no discovery document" % issuer, "the issuer may be what comes before: " + name
        )
    return ProviderError(
        "%s has no discovery document" % issuer,
        "check the issuer, or enter the provider's endpoints instead; asked were %s and %s"
        % well_known(issuer),
    )


def _unanswered(reply, values, issuer, earlier):  # rare: discovery
    """The error for a reply that passes, None for one that does not or counts less.

    `earlier` is the error of the other address.
    """
    is_away = reply.status >= 500 or reply.status in (408, 425, 429)
    is_nameless = values is not None and reply.status == 200
    is_other = values is not None and not is_nameless
    if not is_away and (is_other or reply.status == 404 or earlier is not None):
        return None
    wait = None
    with Loaded("keyfob.oauth.outcome_odd") as odd:
        text = "what is there names no issuer" if is_nameless else odd.status_text(reply, values)
        if reply.headers.get("retry-after"):
            wait = odd.retry_after(reply, None)
    if is_away:
        error = TransportError("%s answers %s" % (issuer, text), "try again later")
    else:  # a captive portal, or what is in front of the issuer
        error = ProviderError(
            "%s has no discovery document: %s" % (issuer, text),
            "check the issuer, and the network; asked were %s and %s" % well_known(issuer),
        )
    error.interval = wait or 0
    return error
