"""Origins, hosts and URLs in settings are normalised as browsers send them, or refused at the start."""

import pytest
from pydantic import ValidationError

from settings import Settings
from tests.sessions.test_link_hostility import elsewhere
from tests.support.serving import free_port
from tests.support.world import World

REFUSED = {
    "allowed_origins": (
        *("https://app.example.com/team", "https://app.example.com?", "https://app.example.com#a"),
        *("*", "null", "app.example.com", "https://*.example.com", "https://user@app.example.com"),
        *("ftp://app.example.com", "https:app.example.com", "https://", "https://one.example;https://two"),
        *("https://a.example:0", "https://a.example:65536", "https://a.example:https"),
        *("https://a b.example", "https://app..example", "https://\u202e.example", "https://1.2.3"),
        *("https://[::1", "https://[1::2::3]", f"https://{'a' * 64}.example"),
    ),
    "public_url": (
        *("https://team.example?a=1", "https://team.example/#team", "https://ada:secret@team.example"),
        *("https://team.example/a b", "https://team.example\\a", "//team.example", "team.example"),
        *("https://team.example/{token}", "https://team.example:port", "https://" + "a/" * 2_000),
        # The pages' forms and links begin at the root of the host, and so do the cookies' paths.
        *("https://team.example/team", "https://team.example/team/", "https://team.example//"),
    ),
    "app_url": ("javascript:alert(1)", "https://ada@app.example", "https://app.example/{x}"),
    "join_link": (
        *("https://app.example/join", "https://{token}.example/join", "https://{token}@app.example/join"),
        *("https://app.example:{token}/join", "{token}://app.example", "https://a.example/{token}/{token}"),
        *("https://app.example/{{token}}", "https://app.example/{account}/{token}"),
    ),
    "host": ("127.0.0.1:8000", "http://127.0.0.1", "[::1]:8000", "300.1.1.1", "a b"),
}
QUERY = {"query": "{ viewer { user { email } } }"}


@pytest.mark.parametrize(
    ("setting", "sent"),
    [
        ("https://app.example.com:443", "https://app.example.com"),
        ("HTTPS://App.Example.COM/", "https://app.example.com"),
        ("http://app.example.com:80", "http://app.example.com"),
        ("https://bücher.example", "https://xn--bcher-kva.example"),
        ("http://[0:0:0::1]:3000", "http://[::1]:3000"),
        ("https://one.example, https://two.example:8443,", "https://two.example:8443"),
    ],
)
async def test_an_allowed_origin_is_the_one_that_browsers_send(world: World, setting: str, sent: str) -> None:
    async with elsewhere(world, port=free_port(), allowed_origins=setting) as there:
        headers = {"cookie": f"ta_session={world.admin.token}", "origin": sent}
        answer = await there.http.post("/graphql", json=QUERY, headers=headers)

    assert answer.json()["data"] == {"viewer": {"user": {"email": "admin@example.com"}}}
    assert answer.headers["access-control-allow-origin"] == sent


@pytest.mark.parametrize(
    ("name", "value", "normal"),
    [
        ("public_url", "HTTPS://Team.Example:443/", "https://team.example"),
        ("public_url", "https://bücher.example/", "https://xn--bcher-kva.example"),
        ("public_url", "http://127.0.0.1:80", "http://127.0.0.1"),
        ("app_url", "https://App.example/#/team?tab=1", "https://app.example/#/team?tab=1"),
        ("app_url", "https://app.example/équipe", "https://app.example/%C3%A9quipe"),
        ("join_link", "https://App.example:443/j/{token}", "https://app.example/j/{token}"),
        ("claim_link", "https://app.example/#/claim?t={token}", "https://app.example/#/claim?t={token}"),
        ("host", "[::1]", "::1"),
        ("host", "::", "::"),
        ("host", "LOCALHOST", "localhost"),
    ],
)
def test_a_url_has_one_form(name: str, value: str, normal: str) -> None:
    assert getattr(Settings.model_validate({name: value}), name) == normal


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in REFUSED.items() for value in values]
)
def test_what_no_browser_could_use_is_refused(name: str, value: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        Settings.model_validate({name: value})

    (problem,) = refusal.value.errors()
    assert problem["loc"] == (name,)
    assert "must " in problem["msg"]
