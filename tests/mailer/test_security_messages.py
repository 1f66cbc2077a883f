"""Emails about a person's access say who did what and whom to ask, with one link, whatever the names are."""

import re
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from mailer.messages import (
    AccessEnd,
    ExpiringLicense,
    Message,
    access_ends,
    licenses_expire,
    members_access_ends,
)
from mailer.security_messages import (
    ListedKey,
    access_end_changed,
    access_ended,
    keys_expire,
    keys_shortened,
    keys_unused,
    license_key_rotated,
    license_suspension,
    license_taken,
    licenses_given,
    limits_changed,
    member_removed,
    new_client,
    ownership_moved,
    role_changed,
    sessions_ended,
    unused_keys_revoked,
)
from tests.mailer.test_messages import HOSTILE, LINK, NOON, arrived, body, urls

TO = "bob@example.com"
LATER = datetime(2026, 12, 1, tzinfo=UTC)
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
    "license key": lambda to, by, account: license_key_rotated(
        to=to, by=by, account=account, name=LICENSE, link=LINK
    ),
    "keys shortened": lambda to, by, account: keys_shortened(
        to=to, by=by, account=account, keys=[(by, NOON), ("Shop", NOON)], more=0, days=30, link=LINK
    ),
    "keys shortened later": lambda to, by, account: keys_shortened(
        to=to, by=None, account=account, keys=[(by, NOON)], more=12, days=1, link=LINK
    ),
    "key unused": lambda to, by, account: keys_unused(
        to=to, account=account, keys=[ListedKey(by, "ta_1", NOON)], count=1, days=90, link=LINK
    ),
    "keys unused": lambda to, by, account: keys_unused(
        to=to, account=account, keys=[ListedKey(by, "ta_1", NOON)] * 2, count=1_200, days=1, link=LINK
    ),
    "key expires": lambda to, by, account: keys_expire(
        to=to, account=account, keys=[ListedKey(by, "ta_1", NOON)], count=1, link=LINK
    ),
    "keys expire": lambda to, by, account: keys_expire(
        to=to, account=account, keys=[ListedKey(by, "ta_1", NOON)] * 2, count=2, link=LINK
    ),
    "unused key revoked": lambda to, by, account: unused_keys_revoked(
        to=to, account=account, keys=[ListedKey(by, "ta_1", NOON)], count=1, days=1, link=LINK
    ),
    "unused keys revoked": lambda to, by, account: unused_keys_revoked(
        to=to, account=account, keys=[ListedKey(by, "ta_1", NOON)], count=2, days=90, link=LINK
    ),
    "revoked": lambda to, by, account: license_taken(
        to=to, by=by, account=account, name=by, heir=None, link=LINK
    ),
    "passed to the owner": lambda to, by, account: licenses_given(
        to=to, by=None, account=account, name=None, count=3, previous=by, link=LINK
    ),
    "suspended": lambda to, by, account: license_suspension(
        to=to, by=by, account=account, name=LICENSE, is_suspended=True, link=LINK
    ),
    "reinstated": lambda to, by, account: license_suspension(
        to=to, by=by, account=account, name=account, is_suspended=False, link=LINK
    ),
    "limits": lambda to, by, account: limits_changed(
        to=to, by=by, account=account, most=1, themes=["Aurora", by], more=3, applies=True, link=LINK
    ),
    "no limits": lambda to, by, account: limits_changed(
        to=to, by=by, account=account, most=None, themes=None, more=0, applies=True, link=LINK
    ),
    "limits of an Admin": lambda to, by, account: limits_changed(
        to=to, by=by, account=account, most=0, themes=[], more=0, applies=False, link=LINK
    ),
    "end set": lambda to, by, account: access_end_changed(
        to=to, by=by, account=account, before=None, until=NOON, link=LINK
    ),
    "end changed": lambda to, by, account: access_end_changed(
        to=to, by=by, account=account, before=NOON, until=LATER, link=LINK
    ),
    "end removed": lambda to, by, account: access_end_changed(
        to=to, by=by, account=account, before=NOON, until=None, link=LINK
    ),
    "ended": lambda to, by, account: access_ended(
        to=to, account=account, ended_at=NOON, licenses=0, heir=by, key_names=[by], link=LINK
    ),
    "ended with all": lambda to, by, account: access_ended(
        to=to, account=account, ended_at=NOON, licenses=2, heir=by, key_names=[by, "Shop"], link=LINK
    ),
    "license expires": lambda to, by, account: licenses_expire(
        to=to, account=account, licenses=[ExpiringLicense(by, None, NOON)], count=1, to_admin=False, link=LINK
    ),
    "licenses expire": lambda to, by, account: licenses_expire(
        to=to,
        account=account,
        licenses=[ExpiringLicense(LICENSE, holder, NOON) for holder in (by, None)],
        count=1_234,
        to_admin=True,
        link=LINK,
    ),
    "access ends": lambda to, by, account: access_ends(
        to=to, account=f"{by} {account}", link=LINK, ends_at=NOON
    ),
    "access of members ends": lambda to, by, account: members_access_ends(
        to=to, account=account, members=[AccessEnd(by, NOON)] * 2, count=3, link=LINK
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
    "license key": (LICENSE, "The old key has stopped working", "or an Admin of Acme"),
    "keys shortened": ("works for 30 days at most", "Shop: 30 November 2026, 14:05 UTC"),
    "keys shortened later": ("lets an API key work for 1 day at most", "and 12 more"),
    "key unused": (
        *("Your API key is not used", "not used for 90 days", "(ta_1…): 30 November 2026, 14:05 UTC"),
        "unless it is used before then",
    ),
    "keys unused": ("1,200 of your API keys are not used", "not used for 1 day", "and 1,198 more"),
    "key expires": ("Your API key expires soon", "(ta_1…): 30 November 2026, 14:05 UTC"),
    "keys expire": ("2 of your API keys expire soon", "as you, and stop working then"),
    "passed to the owner": ("now hold 3 more licenses", "ended, and 3 licenses passed to you", "transfer"),
    "suspended": (f"suspended your license {LICENSE}", "until an Admin reinstates it"),
    "reinstated": ("reinstated your license Acme", "It works again"),
    "limits": (
        "You can hold 1 active license at most.",
        "can be of these themes only: Aurora, Ada Lovelace and 3 more.",
        "What you hold already stays",
    ),
    "no limits": ("any number of active licenses", "can be of any theme"),
    "limits of an Admin": (
        "You can hold no active license.",
        "You can neither provision nor receive licenses, nor download theme files.",
        "do not apply while you are an Admin",
    ),
    "end set": ("set an end to your access", "until 30 November 2026, 14:05 UTC", "pass to its owner"),
    "end changed": ("from 30 November 2026, 14:05 UTC to 1 December 2026, 00:00 UTC",),
    "end removed": ("does not end by itself any more", "was 30 November 2026, 14:05 UTC"),
    "ended": ("ended on 30 November 2026, 14:05 UTC, as an Admin had set", "was revoked", "Your other"),
    "ended with all": ("2 licenses that you held went to Ada Lovelace", "Shop", "were revoked"),
    "license expires": (
        *("A license of Acme expires soon", "valid until 30 November 2026, 14:05 UTC", "ask an Admin"),
    ),
    "licenses expire": (
        *("1,234 licenses of Acme expire soon", "and 1,232 more", "set a later expiry"),
        *(f"{LICENSE}, held by Ada Lovelace", f"{LICENSE}, held by you"),
    ),
    "access ends": ("You have access", "until 30 November 2026, 14:05 UTC", "ask an Admin of the account"),
    "access of members ends": ("Ada Lovelace has access until 30 November", "1 more member."),
    "unused key revoked": ("was revoked", "were not used for 1 day", "ask an Admin to generate a new one"),
    "unused keys revoked": ("2 of your API keys were revoked", "cannot use these any more", "and 1 more"),
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
