"""Why TLS failed, in words with what to do.

Of an alert mbedTLS tells no more than that there was one, and of an unknown root not which. Both
lie in the clear: the server is greeted once more, and asked for nothing else.
"""

from keyfob.compat import Loaded, settle


async def explain(failure, error, origin, clock, source):
    """Return the TransportError that says more than `failure`, for the platform's `error`.

    `origin` is (scheme, host, port), which is greeted once more where that helps. `clock` is
    what the dates of certificates were compared with, and `source` where it had its time from
    before it was checked just now, or None. Where nothing more is known, it returns `failure`.
    """
    scheme, host, port = origin
    with Loaded("keyfob.net.tls_texts") as code:
        cause = code.cause(failure, error)
        is_asked = code.is_asked(cause) and scheme == "https"
    answer = None
    if is_asked:
        with Loaded("keyfob.net.tls_greeting") as code:
            answer = await code.greet(host, port)
    await settle()  # the error stays, and above garbage it would keep an area of the heap
    with Loaded("keyfob.net.tls_texts") as code:
        return code.explained(failure, cause, answer, host, clock, source)
