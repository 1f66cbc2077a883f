"""Emails about a person's access say who did what and whom to ask, with one link, whatever the names are."""

import re
from collections.abc import Callable

import pytest

from mailer.messages import Message
from mailer.security_messages import (
    key_unused,
    keys_shortened,
    license_taken,
    licenses_given,
    member_removed,
    new_client,
    ownership_moved,
    role_changed,
    sessions_ended,
    unused_key_revoked,
)
from tests.mailer.test_messages import HOSTILE, LINK, NOON, arrived, body, urls

TO = "bob@example.com"
LICENSE = "Aurora for shop.example.com"
Write = Callable[[str, str, str], Message]
MESSAGES: dict[str, Write] = {
    "role": lambda to, by, account: role_changed(
        to=to, by=by, account=account, before="MEMBER", after="ADMIN", link=LINK
    ),
    "removed": lambda to, by, account: member_removed(
        to=to, by=by, account=account, licenses=0, heir=account, key_names=[], link=LINK
    ),
    "removed with all": lambda to, by, account: member_removed(
        to=to, by=by, account=account, licenses=1_234, heir=account, key_names=[by, "Shop", "Till"], link=LINK
    ),
    "new owner": lambda to, by, account: ownership_moved(
        to=to, account=account, previous=by, owner="Bob", is_new_owner=True, link=LINK
    ),
    "previous owner": lambda to, by, account: ownership_moved(
        to=to, account=account, previous="Bob", owner=by, is_new_owner=False, link=LINK
    ),
    "sessions": lambda to, by, account: sessions_ended(to=to, by=by, account=account, link=LINK),
    "client": lambda to, by, account: new_client(to=to, client=by, ip=account, at=NOON, link=LINK),
    "client without address": lambda to, by, account: new_client(
        to=to, client=f"{by} {account}", ip=None, at=NOON, link=LINK
    ),
    "given": lambda to, by, account: licenses_given(
        to=to, by=by, account=account, name=LICENSE, count=1, previous=None, link=LINK
    ),
    "given of another": lambda to, by, account: licenses_given(
        to=to, by=by, account=account, name=account, count=1, previous=by, link=LINK
    ),
    "many given": lambda to, by, account: licenses_given(
        to=to, by=by, account=account, name=None, count=1_200, previous="3 members", link=LINK
    ),
    "taken": lambda to, by, account: license_taken(
        to=to, by=by, account=account, name=LICENSE, heir=by, link=LINK
    ),
    "keys shortened": lambda to, by, account: keys_shortened(
        to=to, by=by, account=account, keys=[(by, NOON), ("Shop", NOON)], days=30, link=LINK
    ),
    "key unused": lambda to, by, account: key_unused(
        to=to, account=account, name=by, prefix="ta_1", days=90, revoke_at=NOON, link=LINK
    ),
    "unused key revoked": lambda to, by, account: unused_key_revoked(
        to=to, account=account, name=by, prefix="ta_1", days=1, link=LINK
    ),
    "revoked": lambda to, by, account: license_taken(
        to=to, by=by, account=account, name=by, heir=None, link=LINK
    ),
}
SAID = {
    "role": ("from Member to Admin", "You are now an Admin of Acme", "Admins manage the account"),
    "removed": ("You were removed from Acme", "Your other accounts are not affected", "a new invitation"),
    "removed with all": ("1,234 licenses that you held went to Acme", "Shop", "Till", "stopped working"),
    "new owner": ("You are now the owner of Acme", "billed to you", "transfer the ownership back"),
    "previous owner": ("Ada Lovelace is now the owner of Acme", "You remain an Admin", "did not do this"),
    "sessions": ("ended your sessions in Acme", "You are still a member", "or another Admin of Acme"),
    "client": ("from the IP address Acme", "30 November 2026, 14:05 UTC", "end the session now"),
    "client without address": ("as you, on 30 November",),
    "given": (LICENSE, "gave you the license", "or an Admin of Acme"),
    "given of another": ("until now of Ada Lovelace",),
    "many given": ("gave you 1,200 licenses, until now of 3 members",),
    "taken": (f"transferred {LICENSE} from you to Ada Lovelace",),
    "revoked": ("revoked your license",),
    "keys shortened": ("works for 30 days at most", "Shop: 30 November 2026, 14:05 UTC"),
    "key unused": ("were not used for 90 days", "on 30 November 2026, 14:05 UTC, unless it is used before"),
    "unused key revoked": ("was revoked", "were not used for 1 day", "ask an Admin to generate a new one"),
}


def test_each_pair_of_templates_is_in_the_table() -> None:
    assert SAID.keys() == MESSAGES.keys()


@pytest.mark.parametrize("kind", MESSAGES)
def test_each_says_what_its_reader_needs(kind: str) -> None:
    message = MESSAGES[kind](TO, "Ada Lovelace", "Acme")

    email = arrived(message)

    for part in ("plain", "html"):
        text = " ".join(re.sub(r"<[^>]*>", "", body(email, part)).split()).replace("\u2060", "")
        for said in ("Ada Lovelace", "Acme", TO, *SAID[kind]):
            assert said in text, (part, said, text)
    assert len(message.subject) < 100


@pytest.mark.parametrize("kind", MESSAGES)
def test_each_has_exactly_one_link(kind: str) -> None:
    email = arrived(MESSAGES[kind](TO, "Ada Lovelace", "Acme"))

    assert urls(body(email, "plain")) == urls(body(email, "html")) == {LINK}
    assert re.findall(r'(?:href|src|action)="([^"]*)"', body(email, "html")) == [LINK, LINK]


@pytest.mark.parametrize("kind", MESSAGES)
@pytest.mark.parametrize("hostile", HOSTILE)
def test_nobody_s_own_words_become_a_link_markup_or_a_header(kind: str, hostile: str) -> None:
    ours, message = MESSAGES[kind](TO, "Ada Lovelace", "Acme"), MESSAGES[kind](TO, hostile, hostile)

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
    message = MESSAGES[kind](TO, "Zoë 👩‍👩‍👧‍👦", "شركة")

    assert Message.from_json(message.to_json()) == message
