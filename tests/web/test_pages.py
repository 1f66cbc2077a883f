"""Every page in every state is complete and safe for any values."""

import re
from datetime import UTC, datetime, timedelta, timezone
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from starlette.responses import HTMLResponse

from mailer.mailbox import Mail
from models.members import Role
from web.html_pages import PAGES, mail_body, origin_of, page

VOID = {"base", "img", "input", "link", "meta", "br"}
NOON = datetime(2026, 11, 30, 14, 5, tzinfo=UTC)
MAIL = Mail(
    "a" * 32, "bob@example.com", "Ada invites you", NOON, "Join: http://x.example/join/t", "<p>Join</p>"
)
VALUES: dict[str, Any] = {
    "advice": "Ask for it again.",
    "account_name": "Acme",
    "app_url": "https://app.example.com/team?a=1&b=2",
    "email": "bob@example.com",
    "claim_until": NOON,
    "claimed_at": NOON,
    "created_by_name": "Grace Hopper",
    "expires_at": NOON,
    "access_until": NOON,
    "graphql_url": "https://api.example.com/graphql",
    "has_mailbox": True,
    "inviter_name": "Ada Lovelace",
    "just_now": True,
    "key_name": "Dashboard",
    "lifetime_seconds": 900,
    "networks": ["203.0.113.0/24"],
    "mail": MAIL,
    "mails": [MAIL],
    "masked_email": "b•••@e•••.com",
    "prefix": "ta_kq3Vb0mZ",
    "public_origin": "https://team.example.com",
    "replaced_email": None,
    "problem": None,
    "request_id": "01930d5c",
    "retry_at": NOON,
    "role": Role.MEMBER,
    "later_scopes": ["TEAM"],
    "scopes": ["READ", "PROVISION"],
    "secret": "ta_kq3Vb0mZr1uJx8yT",
    "signed_in_email": "ada@example.com",
    "signed_in_name": "Ada Lovelace",
    "title": "This link's time is over",
    "confirm": False,
    "token": "kq3Vb0mZr1uJx8yT",
    "typed_email": None,
    "was_claimed": False,
    "why": "It worked for five minutes.",
}
NOBODY = {"signed_in_name": None, "signed_in_email": None}
STATES: list[tuple[str, dict[str, Any]]] = [
    *((name, {}) for name in PAGES),
    ("front", NOBODY | {"has_mailbox": False}),
    ("sign_in", {"email": "", "problem": "This is no email address."}),
    ("sign_in_sent", {"lifetime_seconds": 60, "has_mailbox": False}),
    ("sign_in_link", {"confirm": True}),
    ("sign_in_link", {"replaced_email": "ada@example.com"}),
    ("sign_in_link", {"confirm": True, "typed_email": "eve@example.com", "status_code": 400}),
    ("join", NOBODY | {"access_until": None}),
    *(("join", {"role": role}) for role in Role),
    ("join_declined", {"just_now": False}),
    ("claim", {"scopes": ["READ"], "later_scopes": [], "networks": [], "expires_at": None}),
    ("claim_expired", {"was_claimed": True}),
    ("mailbox", {"mails": []}),
    ("mail", {"mail": Mail("a" * 32, "", "", NOON)}),
    *(("error", {"status_code": code}) for code in (400, 401, 403, 404, 405, 413, 415, 418, 429, 503, 507)),
    ("error", {"request_id": None, "retry_at": None, "status_code": 429}),
]
WITH_SCRIPT = ("claim", "claimed")
HOSTILE = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)> ' autofocus onfocus='alert(1)",
    "{{ 7 * 7 }} {% raw %}",
    "\u202egnp.exe\u2066\u200f",
    "\ud800\x00\x1b[31m\r\nSet-Cookie: a=b",
    "W" * 200,
    "👩‍👩‍👧‍👦" * 20,
]
TAKES_TEXT = [
    "account_name", "created_by_name", "email", "inviter_name", "key_name", "masked_email", "request_id",
    "signed_in_email", "signed_in_name", "token",
]  # fmt: skip


class Read(HTMLParser):
    """A page as a browser reads it; fails where a tag is left open."""

    def __init__(self, response: HTMLResponse) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text: list[str] = []
        self.feed(bytes(response.body).decode())
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def show(name: str, **changes: Any) -> HTMLResponse:
    status_code = changes.pop("status_code", None)
    values = {key: value for key, value in (VALUES | changes).items() if key in PAGES[name].values}
    return page(name, status_code, **values)


@pytest.mark.parametrize(("name", "changes"), STATES)
def test_every_page_is_whole(name: str, changes: dict[str, Any]) -> None:
    response = show(name, **changes)

    html = Read(response)
    assert [len(html.all(tag)) for tag in ("h1", "main", "header", "title")] == [1, 1, 1, 1]
    assert html.all("html") == [{"lang": "en"}]
    assert "None" not in " ".join(html.text)
    assert response.status_code == changes.get("status_code", PAGES[name].status_code)


@pytest.mark.parametrize(("name", "changes"), STATES)
def test_nothing_runs_and_nothing_comes_from_elsewhere(name: str, changes: dict[str, Any]) -> None:
    html = Read(show(name, **changes))

    scripts = html.all("script")
    assert [set(script) for script in scripts] == [{"src", "defer"}] * (name in WITH_SCRIPT)
    assert not html.all("style")
    for tag, attributes in html.tags:
        assert not [key for key in attributes if key == "style" or key.startswith("on")], tag
    loaded = [
        tag.get("src") or tag.get("href")
        for name in ("img", "link", "iframe", "script")
        for tag in html.all(name)
    ]
    assert all(str(address).startswith("/") for address in loaded)
    assert {form["method"] for form in html.all("form")} <= {"post"}


@pytest.mark.parametrize("hostile", HOSTILE)
@pytest.mark.parametrize("name", PAGES)
def test_names_are_only_ever_text(name: str, hostile: str) -> None:
    harmless = show(name, mail=Mail("a" * 32, "", "", NOON, "", "x"))
    mail = Mail("a" * 32, hostile, hostile, NOON, hostile.replace("\ud800", ""), "x")

    response = show(name, **dict.fromkeys(TAKES_TEXT, hostile), mail=mail, mails=[mail])

    meant = [(tag, set(attributes)) for tag, attributes in Read(harmless).tags]
    assert [(tag, set(attributes)) for tag, attributes in Read(response).tags] == meant
    outside_the_mail = re.sub("(?s)<pre.*</pre>", "", bytes(response.body).decode())
    assert not re.search("[\u202a-\u202e\u2066-\u2069\0\x1b]", outside_the_mail)


def test_a_name_is_shown_as_it_is_written() -> None:
    html = Read(show("join", inviter_name="O'Brien & <Sons> 👩‍👩‍👧‍👦", account_name="شركة"))

    assert "O'Brien & <Sons> 👩‍👩‍👧‍👦 invites you to شركة" in "".join(html.text)


@pytest.mark.parametrize("name", PAGES)
def test_a_page_takes_its_values_and_no_others(name: str) -> None:
    expected = PAGES[name].values

    with pytest.raises(TypeError, match=name):
        page(name, **{key: VALUES[key] for key in expected}, surplus=1)
    for missing in expected:
        with pytest.raises(TypeError, match=name):
            page(name, **{key: VALUES[key] for key in expected - {missing}})


@pytest.mark.parametrize("name", PAGES)
def test_a_page_stays_private(name: str) -> None:
    headers = show(name).headers

    assert headers["cache-control"] == "no-store"
    assert headers["referrer-policy"] == "strict-origin"
    assert headers["x-robots-tag"] == "noindex"
    assert headers["x-content-type-options"] == "nosniff"
    policy = headers["content-security-policy"].split("; ")
    assert policy[:6] == [
        "default-src 'none'",
        "style-src 'self'",
        "img-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    ]
    more = {"mail": ["frame-src 'self'"], **{key: ["script-src 'self'"] for key in WITH_SCRIPT}}
    assert policy[6:] == more.get(name, [])


def test_a_form_may_lead_to_the_app() -> None:
    response = page("sign_in_link_invalid", app_origin=origin_of("https://app.example.com:8443/team"))

    assert "form-action 'self' https://app.example.com:8443;" in response.headers["content-security-policy"]


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://App.Example.com/team?x=1#y", "https://app.example.com"),
        ("http://127.0.0.1:8000/graphql", "http://127.0.0.1:8000"),
        ("https://user:word@app.example.com", "https://app.example.com"),
        ("https://münchen.example/", "https://xn--mnchen-3ya.example"),
        ("http://[::1]:8000/", ""),
        ("https://a.example; script-src *", ""),
        ("javascript:alert(1)", ""),
        ("/team", ""),
    ],
)
def test_the_origin_of_an_address(url: str, origin: str) -> None:
    assert origin_of(url) == origin


@pytest.mark.parametrize(
    ("name", "changes", "actions"),
    [
        ("join", {}, [(None, "Join"), ("/join/kq3Vb0mZr1uJx8yT/decline", "Decline")]),
        ("join_wrong_person", {}, [("/join/kq3Vb0mZr1uJx8yT/switch", "Sign out and continue")]),
        ("join", {"token": "../x?y#"}, [(None, "Join"), ("/join/..%2Fx%3Fy%23/decline", "Decline")]),
        ("sign_in_link", {}, [(None, "Sign in")]),
        ("sign_in", {}, [("/sign-in", "Email me a sign-in link")]),
        ("front", {}, [("/sign-out", "Sign out")]),
    ],
)
def test_what_the_buttons_do(
    name: str, changes: dict[str, Any], actions: list[tuple[str | None, str]]
) -> None:
    response = show(name, **changes)

    buttons = re.findall(r"<button>(.+?)</button>", bytes(response.body).decode())
    assert [
        (form.get("action"), label) for form, label in zip(Read(response).all("form"), buttons, strict=True)
    ] == actions


def test_a_time_is_shown_in_utc_wherever_it_was_taken() -> None:
    in_tokyo = NOON.astimezone(timezone(timedelta(hours=9)))

    assert "30 November 2026, 14:05 UTC" in "".join(Read(show("join", expires_at=in_tokyo)).text)
    with pytest.raises(ValueError, match="zone"):
        show("join", expires_at=datetime(2026, 11, 30))


def test_a_masked_page_does_not_name_the_address() -> None:
    for name in (
        "join",
        "join_wrong_person",
        "join_used",
        "join_expired",
        "sign_in_link",
        "sign_in_link_used",
    ):
        assert "b•••@e•••.com" in "".join(Read(show(name)).text)


def test_a_mail_is_shown_apart_from_the_site() -> None:
    page_around = Read(show("mail"))
    response = mail_body(
        "<html><head></head><body><script>x</script><a href='http://x.example'>x</a></body></html>"
    )

    frame = page_around.all("iframe")[0]
    assert frame["src"] == f"/mailbox/{MAIL.id}/html"
    assert frame["sandbox"] == "allow-top-navigation-by-user-activation"
    policy = response.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "sandbox allow-top-navigation-by-user-activation" in policy
    assert "frame-ancestors 'self'" in policy
    assert Read(response).all("base") == [{"target": "_top"}]
    assert Read(mail_body("<p>x</p>")).all("base") == [{"target": "_top"}]


def test_the_text_of_a_mail_has_its_link() -> None:
    links = [link["href"] for link in Read(show("mail")).all("a")]

    assert "http://x.example/join/t" in links


def test_what_the_pages_load_is_there() -> None:
    html = Read(show("front"))

    for link in html.all("link"):
        path = str(link["href"]).partition("?")[0]
        assert (Path("web") / path.lstrip("/")).is_file()
    stylesheet = Path("web/static/pages.css").read_text()
    assert "url(" not in stylesheet
    assert "@import" not in stylesheet
