"""The verification page without a browser: steps, refusals, headers."""

import re
from html.parser import HTMLParser
from urllib.parse import urlsplit

import pytest


class Phone:
    """Keeps cookies, follows redirects, and fills in forms as the page says."""

    def __init__(self, bench):
        self.http = bench.app.test_client()
        self.answer = None

    def open(self, path):
        parts = urlsplit(path)  # the test client keeps cookies for its own host only
        self.answer = self.http.get(
            f"{parts.path}?{parts.query}" if parts.query else parts.path, follow_redirects=True
        )
        return self

    def submit(self, **fields):
        page = Page(self.answer.text)
        data = {**page.hidden, **fields}
        self.answer = self.http.post(page.action, data=data, follow_redirects=True)
        return self

    @property
    def title(self):
        return Page(self.answer.text).title

    @property
    def path(self):
        return self.answer.request.path


class Page(HTMLParser):
    """The parts of a page that the tests look at."""

    def __init__(self, text):
        super().__init__()
        self.action, self.title, self.hidden, self.links = None, "", {}, []
        self._in_title = False
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self._in_title = tag == "title"
        if tag == "form":
            self.action = attributes["action"]
        elif tag == "input" and attributes["type"] == "hidden":
            self.hidden[attributes["name"]] = attributes["value"]
        self.links += [attributes[name] for name in ("src", "href") if name in attributes]

    def handle_data(self, data):
        if self._in_title:
            self.title += data.strip()


@pytest.fixture
def phone(bench):
    return Phone(bench)


def state(bench):
    return bench.realm.store.grants()[-1].state


def test_by_typed_code(bench, phone):
    codes = bench.authorize(scope="openid email")
    phone.open("/device")
    phone.submit(user_code=codes["user_code"])
    assert phone.title == "Sign in"
    for name in ("Ana Alves", "Ben Müller", "Chris"):
        assert name in phone.answer.text
    phone.submit(user="user-ben")
    text = phone.answer.text
    assert "Ben Müller" in text
    assert "keyfob board" in text
    assert codes["user_code"] in text
    assert "know which account is yours" in text
    assert "see your e-mail address" in text
    assert "stay linked" not in text
    assert "Compare the code with the one on your device" in text
    phone.submit(decision="approve")
    assert phone.title == "Device linked"
    token = bench.poll(codes["device_code"]).json["access_token"]
    assert bench.get("userinfo_endpoint", token).json["sub"] == "user-ben"
    (decision,) = (e for e in bench.realm.log.entries() if e["kind"] == "decision")
    assert (decision["decision"], decision["by"], decision["user"]) == (
        "approved",
        "page",
        "user-ben",
    )


def test_by_complete_address_the_code_is_confirmed_first(bench, phone):
    codes = bench.authorize()
    phone.open(codes["verification_uri_complete"])
    assert phone.title == "Compare the code"
    assert codes["user_code"] in phone.answer.text
    phone.submit().submit(user="user-ana").submit(decision="deny")
    assert phone.title == "Not linked"
    assert bench.poll(codes["device_code"]).json["error"] == "access_denied"


def test_opening_an_address_changes_nothing(bench, phone):
    codes = bench.authorize()
    for path in ("/device", codes["verification_uri_complete"], "/device/consent", "/device/done"):
        phone.open(path)
    assert state(bench) == "pending"


def test_code_is_taken_in_any_spelling(bench, phone):
    code = bench.authorize()["user_code"]
    for typed in (code.lower(), code.replace("-", ""), f"  {code[:2]} {code[2:]} "):
        assert phone.open("/device").submit(user_code=typed).title in ("Sign in", "Link")


def test_who_is_signed_in_stays_so(bench, phone):
    first, second = bench.authorize(), bench.authorize()
    phone.open(first["verification_uri_complete"]).submit().submit(user="user-ana")
    phone.submit(decision="approve")
    phone.open(second["verification_uri_complete"]).submit()
    assert phone.path == "/device/consent"
    assert "Ana Alves" in phone.answer.text
    phone.open("/device/sign-in").submit(user="user-chris")
    assert "Chris" in phone.answer.text
    assert "Ana Alves" not in phone.answer.text


def test_two_tabs_decide_on_what_each_shows(bench, phone):
    first, second = bench.authorize(), bench.authorize()
    phone.open(first["verification_uri_complete"]).submit().submit(user="user-ana")
    shown = Page(phone.answer.text)
    phone.open(second["verification_uri_complete"]).submit()
    phone.http.post(shown.action, data={**shown.hidden, "decision": "approve"})
    assert [grant.state for grant in bench.realm.store.grants()] == ["approved", "pending"]


DEAD_ENDS = {
    "unknown": (404, "not known"),
    "expired": (410, "expired"),
    "used": (409, "used already"),
    "empty": (400, "enter a code"),
}


@pytest.mark.parametrize(
    ("kind", "way"),
    [(kind, "typed") for kind in DEAD_ENDS] + [(kind, "address") for kind in DEAD_ENDS][:3],
)
def test_codes_that_lead_nowhere_offer_another_try(bench, phone, clock, kind, way):
    code = bench.authorize()["user_code"]
    if kind == "expired":
        clock.advance(1800)
    elif kind == "used":
        bench.realm.decide(code, None, "admin")
    else:
        code = "BCDF-GHJK" if kind == "unknown" else " - "
    if way == "typed":
        phone.open("/device").submit(user_code=code)
    else:
        phone.open(f"/device?user_code={code}")
    status, words = DEAD_ENDS[kind]
    assert phone.answer.status_code == status
    assert words in phone.answer.text
    again = bench.authorize()["user_code"]
    assert phone.submit(user_code=again).title == "Sign in"


def test_code_that_expires_while_somebody_reads(bench, phone, clock):
    codes = bench.authorize()
    phone.open(codes["verification_uri_complete"]).submit().submit(user="user-ana")
    clock.advance(1800)
    phone.submit(decision="approve")
    assert phone.answer.status_code == 410
    assert bench.poll(codes["device_code"]).json["error"] == "expired_token"


def test_steps_taken_out_of_order_lead_back(bench, phone):
    assert phone.open("/device/sign-in").path == "/device"
    assert phone.open("/device/consent").path == "/device"
    assert phone.open("/device/done").path == "/device"
    code = bench.authorize()["user_code"]
    phone.open("/device").submit(user_code=code)
    assert phone.open("/device/consent").path == "/device/sign-in"
    assert phone.submit(user="nobody").path == "/device/sign-in"


def test_a_visit_is_about_one_code_until_it_ends(bench, phone):
    first, second = bench.authorize(), bench.authorize()
    phone.open(first["verification_uri_complete"]).submit()
    phone.open("/device").submit(user_code="BCDF-GHJK")
    assert phone.open("/device/sign-in").path == "/device"
    phone.open(second["verification_uri_complete"]).submit().submit(user="user-ana")
    phone.submit(decision="deny")
    assert phone.open("/device/consent").path == "/device"


@pytest.mark.parametrize("path", ["/device", "/device/sign-in", "/device/consent"])
@pytest.mark.parametrize("csrf", [None, "", "wrong", "é"])
def test_forms_of_other_sites_are_refused(bench, phone, path, csrf):
    codes = bench.authorize()
    phone.open(codes["verification_uri_complete"]).submit().submit(user="user-ana")
    data = {"user_code": codes["user_code"], "decision": "approve", "user": "user-ben"}
    if csrf is not None:
        data["csrf"] = csrf
    assert phone.http.post(path, data=data).status_code == 400
    assert state(bench) == "pending"


def test_a_form_token_belongs_to_one_visitor(bench):
    codes = bench.authorize()
    one, other = Phone(bench), Phone(bench)
    one.open(codes["verification_uri_complete"]).submit().submit(user="user-ana")
    token = Page(other.open("/device").answer.text).hidden["csrf"]
    data = {"user_code": codes["user_code"], "decision": "approve", "csrf": token}
    assert one.http.post("/device/consent", data=data).status_code == 400
    assert state(bench) == "pending"


def test_guessing_is_slowed_down(bench, phone, clock):
    code = bench.authorize()["user_code"]
    for _ in range(5):
        assert phone.open("/device").submit(user_code="BCDF-GHJK").answer.status_code == 404
    phone.open("/device").submit(user_code=code)
    assert phone.answer.status_code == 429
    assert phone.answer.headers["Retry-After"] == "60"
    assert phone.open(f"/device?user_code={code}").answer.status_code == 429
    assert phone.open("/device").answer.status_code == 200
    clock.advance(60)
    assert phone.open("/device").submit(user_code=code).title == "Sign in"


def test_right_codes_do_not_count_as_guesses(bench, phone):
    for _ in range(10):
        code = bench.authorize()["user_code"]
        assert phone.open(f"/device?user_code={code}").answer.status_code == 200


def test_cookie_is_for_this_page_and_server_only(bench, phone):
    cookie = phone.open("/device").answer.headers["Set-Cookie"]
    assert cookie.startswith("keyfob_8400=")
    for attribute in ("HttpOnly", "SameSite=Lax", "Path=/device"):
        assert attribute in cookie
    bench.realm.issuer = "https://127.0.0.1:8400"
    assert "Secure" in Phone(bench).open("/device").answer.headers["Set-Cookie"]


def test_pages_cannot_be_framed_scripted_or_stored(bench, phone):
    headers = phone.open("/device").answer.headers
    policy = headers["Content-Security-Policy"]
    for rule in ("default-src 'none'", "frame-ancestors 'none'", "form-action 'self'"):
        assert rule in policy
    assert "unsafe" not in policy
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Cache-Control"] == "no-store"
    assert headers["Referrer-Policy"] == "same-origin"


def test_pages_need_no_script_and_no_foreign_asset(bench, phone):
    code = bench.authorize()["user_code"]
    texts = [phone.open("/device").answer.text]
    texts.append(phone.open(f"/device?user_code={code}").answer.text)
    texts.append(phone.submit().answer.text)
    texts.append(phone.submit(user="user-ana").answer.text)
    texts.append(phone.submit(decision="approve").answer.text)
    for text in texts:
        assert "<script" not in text
        assert not re.search(r"\son\w+=", text)
        assert 'name="viewport"' in text
        assert all(link.startswith(("/device", "data:,")) for link in Page(text).links)


def test_what_was_typed_is_escaped(phone):
    phone.open("/device").submit(user_code='"><script>alert(1)</script>')
    assert "<script>alert" not in phone.answer.text
    assert "&#34;&gt;&lt;script&gt;" in phone.answer.text


def test_no_address_but_the_complete_one_holds_the_code(bench, phone):
    code = bench.authorize()["user_code"]
    phone.open(f"/device?user_code={code}").submit().submit(user="user-ana")
    phone.submit(decision="approve")
    answers = [*phone.answer.history, phone.answer]
    assert len(answers) == 2
    for answer in answers:
        assert code not in answer.request.url + answer.headers.get("Location", "")
    assert code not in repr(bench.realm.log.entries())


def test_root_leads_to_the_page(phone):
    assert phone.open("/").path == "/device"
