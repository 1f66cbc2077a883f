"""Emails about API keys contain one link and no secret, whatever the names are."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest

from mailer.messages import (
    LeakedKey,
    Message,
    api_key_claim,
    api_key_generated,
    api_key_leaked,
    api_key_revoked,
    api_key_rotated,
    api_keys_leaked,
)
from mailer.security_messages import ListedKey, keys_expire
from tests.mailer.test_messages import HOSTILE, LINK, NOON, arrived, body, urls

TO = "bob@example.com"
PREFIX = "ta_Yx2hQp0Z"
PLACE = "a public repository"
Write = Callable[..., Message]
MESSAGES: dict[str, Write] = {
    "claim": lambda name, person=None: api_key_claim(
        to=TO,
        by=person or "Ada Lovelace",
        account=person or "Acme",
        name=name,
        scopes=["READ", "PROVISION"],
        later_scopes=["LICENSES", "TEAM", "BILLING", "ACCOUNT"],
        networks=["203.0.113.0/24", "2001:db8::/32"],
        link=LINK,
        claim_until=NOON,
        expires_at=NOON + timedelta(days=90),
    ),
    "generated": lambda name, person=None: api_key_generated(
        to=TO,
        account=person or "Acme",
        name=name,
        prefix=PREFIX,
        scopes=["READ"],
        later_scopes=[],
        networks=[],
        link=LINK,
        expires_at=None,
    ),
    "rotated": lambda name, person=None: api_key_rotated(
        to=TO, account=person or "Acme", name=name, prefix=PREFIX, link=LINK, old_until=NOON
    ),
    "revoked": lambda name, person=None: api_key_revoked(
        to=TO, account=person or "Acme", name=name, by=person or "Ada Lovelace", link=LINK
    ),
    "expires": lambda name, person=None: keys_expire(
        to=TO, account=person or "Acme", keys=[ListedKey(name, PREFIX, NOON)], count=1, link=LINK
    ),
    "leaked": lambda name, person=None: api_key_leaked(
        to=TO,
        account=person or "Acme",
        name=name,
        prefix=PREFIX,
        member=None,
        found_at=person or PLACE,
        link=LINK,
    ),
    "leaked, to an Admin": lambda name, person=None: api_key_leaked(
        to=TO,
        account=person or "Acme",
        name=name,
        prefix=PREFIX,
        member=person or "Bob Ross",
        found_at=person or PLACE,
        link=LINK,
    ),
    "several leaked": lambda name, person=None: api_keys_leaked(
        to=TO,
        account=person or "Acme",
        keys=[LeakedKey(name, PREFIX, None, person or PLACE)],
        count=2,
        to_admin=False,
        link=LINK,
    ),
    "several leaked, to an Admin": lambda name, person=None: api_keys_leaked(
        to=TO,
        account=person or "Acme",
        keys=[LeakedKey(name, PREFIX, person or "Bob Ross", person or PLACE)],
        count=1_000,
        to_admin=True,
        link=LINK,
    ),
}
SAID = {
    "claim": (
        "Ada Lovelace",
        "your scripts can use",
        "read what you can see, and download reports and invoices",
        "If your role comes to allow it, it can also:",
        "invite people, remove other members, and set their roles, limits and ends of access",
        "accepted only from 203.0.113.0/24 and 2001:db8::/32.",
        "28 February",
    ),
    "generated": (PREFIX, "does not expire", "It can:", "read what you can see, and"),
    "rotated": (PREFIX, "works until 30 November 2026, 14:05 UTC"),
    "revoked": ("Ada Lovelace", "revoked your API key", "have stopped working"),
    "expires": (PREFIX, "expires soon", "30 November 2026, 14:05 UTC", "Rotating does not prolong a key"),
    "leaked": ("Your API key leaked", PLACE, "revoked it at once"),
    "leaked, to an Admin": ("An API key of", "Bob Ross", "leaked", PLACE, "you are an Admin of"),
    "several leaked": ("2 API keys leaked", PREFIX, PLACE, "and 1 more", "the keys were yours"),
    "several leaked, to an Admin": ("1,000 API keys", "Bob Ross", PLACE, "999 more", "you are an Admin of"),
}


@pytest.mark.parametrize("kind", MESSAGES)
def test_each_says_what_its_reader_needs(kind: str) -> None:
    message = MESSAGES[kind]("Shop")

    email = arrived(message)

    for part in ("plain", "html"):
        text = " ".join(re.sub(r"<[^>]*>", "", body(email, part)).split())
        for said in ("Shop", "Acme", TO, *SAID[kind]):
            assert said in text, (part, said)
    assert len(message.subject) < 100


@pytest.mark.parametrize("kind", MESSAGES)
def test_each_has_exactly_one_link(kind: str) -> None:
    email = arrived(MESSAGES[kind]("Shop"))

    assert urls(body(email, "plain")) == urls(body(email, "html")) == {LINK}
    assert re.findall(r'(?:href|src|action)="([^"]*)"', body(email, "html")) == [LINK, LINK]


@pytest.mark.parametrize("kind", MESSAGES)
@pytest.mark.parametrize("hostile", HOSTILE)
def test_nobody_s_own_words_become_a_link_markup_or_a_header(kind: str, hostile: str) -> None:
    ours, message = MESSAGES[kind]("Shop"), MESSAGES[kind](hostile, hostile)

    email = arrived(message)
    assert email.keys() == arrived(ours).keys()
    assert not urls(message.subject)
    assert len(message.subject) < 200
    for part in ("plain", "html"):
        assert urls(body(email, part)) == {LINK}
        assert not re.search(r"\w@evil|evil\.example", body(email, part))
        assert not re.search("[\u202a-\u202e\u2066-\u2069\ud800-\udfff\r\x0b]", body(email, part))
    assert re.findall("<[a-z/]+", message.html) == re.findall("<[a-z/]+", ours.html)


@pytest.mark.parametrize("kind", MESSAGES)
def test_each_survives_its_job(kind: str) -> None:
    message = MESSAGES[kind]("Zoë 👩‍👩‍👧‍👦")

    assert Message.from_json(message.to_json()) == message
    assert "kq3Vb0mZr1" not in repr(message)


def test_a_rotation_without_overlap_says_that_the_old_secret_has_stopped() -> None:
    message = api_key_rotated(to=TO, account="Acme", name="Shop", prefix=PREFIX, link=LINK, old_until=None)

    assert "has stopped working" in message.text
    assert "has stopped working" in message.html
