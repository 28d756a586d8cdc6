"""The verification page that a person opens on a phone (RFC 8628 section 3.3).

Enter the code or confirm the one that came in the address; sign in; see what asks for what;
approve or deny. Plain forms and redirects, no script: every step survives a reload, and the code
appears in no address but the complete one that the device shows.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from flask import Blueprint, Response, g, make_response, redirect, render_template, request

from .discovery import VERIFICATION
from .realm import Realm
from .records import APPROVED, DENIED, Grant, normalise
from .sessions import Guesses, Session, Sessions
from .store import UserCodeError

# What went wrong with a code: status, headline, what to do.
PROBLEMS = {
    "unknown": (
        404,
        "That code is not known",
        "Check it letter by letter against your device and try again.",
    ),
    "expired": (
        410,
        "That code has expired",
        "Ask your device for a new code and enter that one.",
    ),
    "used": (
        409,
        "That code has been used already",
        "Each code works once. Ask your device for a new one.",
    ),
    "empty": (400, "Please enter a code", "It is on your device's screen."),
}

Answer = Response | tuple[Response, int]


def page_routes(realm: Realm, style: str) -> Blueprint:
    """Make the blueprint. `style` is the pages' only style sheet, put into each."""
    routes = Blueprint("pages", __name__)
    sessions = Sessions()
    guesses = Guesses(realm.now)

    def cookie_name() -> str:
        # Cookies do not tell ports apart, so that two servers on one host need two names.
        return f"keyfob_{urlsplit(realm.issuer).port}"

    def show(template: str, status: int = 200, **members: Any) -> Response:
        session: Session = g.session
        page = render_template(template, style=style, csrf=session.csrf, **members)
        return make_response(page, status)

    def enter(problem: str | None = None, typed: str = "") -> Response:
        status, headline, advice = PROBLEMS[problem] if problem else (200, "", "")
        return show("enter.html", status, headline=headline, advice=advice, typed=typed)

    def go(step: str = "") -> Response:
        # 303: the next request is a GET, and a reload repeats no form. Relative, so that it
        # works under whatever name the phone reached this server.
        return make_response(redirect(VERIFICATION + step, 303))

    def look_up(user_code: str) -> Grant:
        try:
            return realm.store.undecided(user_code)
        except UserCodeError as error:
            if error.reason == "unknown":
                guesses.miss(request.remote_addr or "")
            raise

    @routes.before_request
    def visit() -> Response | None:
        g.session = sessions.open(request.cookies.get(cookie_name()))
        if request.method == "POST":
            sent = request.form.get("csrf", "")
            if not hmac.compare_digest(sent.encode(), g.session.csrf.encode()):
                return show(
                    "notice.html",
                    400,
                    headline="This page is out of date",
                    advice="Nothing was changed. Please start again.",
                )
        return None

    @routes.after_request
    def remember(response: Response) -> Response:
        session: Session | None = g.get("session")
        if session and request.cookies.get(cookie_name()) != session.id:
            response.set_cookie(
                cookie_name(),
                session.id,
                httponly=True,
                samesite="Lax",
                secure=realm.issuer.startswith("https:"),
                path=VERIFICATION,
            )
        return response

    def guarded(step: Callable[[], Answer]) -> Callable[[], Answer]:
        """Answer trouble with a code alike wherever it shows up."""

        def run() -> Answer:
            typed = request.values.get("user_code", "")[:40]
            wait = guesses.wait(request.remote_addr or "")
            if wait and typed:
                answer = show("wait.html", 429, wait=wait)
                answer.headers["Retry-After"] = str(wait)
                return answer
            try:
                return step()
            except UserCodeError as error:
                g.session.user_code = None
                return enter(error.reason, typed)

        run.__name__ = step.__name__
        return run

    @routes.get(VERIFICATION)
    @guarded
    def device() -> Answer:
        typed = request.args.get("user_code", "")
        if not typed:
            return enter()
        return show("compare.html", grant=look_up(typed))

    @routes.post(VERIFICATION)
    @guarded
    def code() -> Answer:
        typed = request.form.get("user_code", "")
        if not normalise(typed):
            return enter("empty")
        g.session.user_code = look_up(typed).user_code
        return go("/consent" if g.session.sub else "/sign-in")

    @routes.get(f"{VERIFICATION}/sign-in")
    @guarded
    def sign_in() -> Answer:
        if g.session.user_code is None:
            return go()
        return show("sign_in.html", users=realm.config.users)

    @routes.post(f"{VERIFICATION}/sign-in")
    @guarded
    def signed_in() -> Answer:
        sub = request.form.get("user", "")
        if sub not in realm.users:
            return go("/sign-in")
        g.session.sub = sub
        return go("/consent")

    @routes.get(f"{VERIFICATION}/consent")
    @guarded
    def consent() -> Answer:
        session: Session = g.session
        if session.user_code is None:
            return go()
        if session.sub is None:
            return go("/sign-in")
        grant = realm.store.undecided(session.user_code)
        client = realm.clients.get(grant.client_id)
        words = realm.config.scopes
        return show(
            "consent.html",
            grant=grant,
            client=(client and client.name) or grant.client_id,
            user=realm.users[session.sub],
            scopes=[words.get(scope, scope) for scope in grant.scope.split()],
        )

    @routes.post(f"{VERIFICATION}/consent")
    @guarded
    def decision() -> Answer:
        session: Session = g.session
        # The code that was on the page, which another tab may have changed in the session.
        user_code = request.form.get("user_code", "")
        chosen = request.form.get("decision")
        if session.sub is None or chosen not in ("approve", "deny"):
            return go("/consent")
        grant = look_up(user_code)
        user = realm.users[session.sub] if chosen == "approve" else None
        realm.decide(grant.user_code, user, "page")
        session.user_code = None
        session.outcome = APPROVED if user else DENIED
        return go("/done")

    @routes.get(f"{VERIFICATION}/done")
    def done() -> Answer:
        session: Session = g.session
        if session.outcome is None:
            return go()
        user = realm.users[session.sub] if session.sub else None
        return show("done.html", approved=session.outcome == APPROVED, user=user)

    return routes
