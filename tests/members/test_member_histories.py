"""What the API allows after random changes of a member's role, limits and end is what a short model says."""

from dataclasses import dataclass
from random import Random

import pytest

from tests.members.test_member_access import end, unnoticed
from tests.members.test_member_limits import limit, provisionable
from tests.processes.test_concurrency import outcome
from tests.support.changes import CHANGE_ROLE, PROVISION_LICENSE, REVOKE_LICENSE
from tests.support.stored_keys import with_key
from tests.support.world import World

STEPS = 30
SLUGS = ("aurora", "basalt")


@dataclass
class Model:
    role: str = "MEMBER"
    most: int | None = None
    slugs: tuple[str, ...] | None = None
    has_ended: bool = False
    held: int = 0

    def outcome(self, slug: str) -> str:
        """Outcome of provisioning the theme."""
        if self.has_ended:
            return "NOT_FOUND"
        if self.role == "VIEWER":
            return "FORBIDDEN"
        if self.role == "ADMIN":
            return "OK"
        if self.slugs is not None and slug not in self.slugs:
            return "THEME_NOT_ALLOWED"
        return "OK" if self.most is None or self.held < self.most else "LICENSE_LIMIT_REACHED"

    def by_key(self, slug: str) -> str:
        """The same with an API key, which does not work at all without a membership or API access."""
        return "UNAUTHENTICATED" if self.has_ended else self.outcome(slug)


@pytest.mark.parametrize("seed", range(4))
async def test_random_histories_equal_the_model(world: World, themes: dict[str, str], seed: int) -> None:
    random, model, licenses = Random(seed), Model(), list[str]()
    for slug in SLUGS:
        await world.grant(slug, 1_000)
    script = await with_key(world, world.member, "PROVISION")
    for number in range(STEPS):
        if not model.has_ended:
            await _change(random, world, themes, model)
        elif random.random() < 0.7:
            model.has_ended = False
            await unnoticed(world, "UPDATE members SET access_until = NULL")
        for slug in SLUGS:
            by_key = random.random() < 0.3
            site = f"{slug}{number}.example.com"
            input = {"accountId": world.account_id, "themeId": themes[slug], "site": site}
            if not model.has_ended:
                found = slug in await provisionable(world, world.member)
                assert found == (model.outcome(slug) == "OK"), (seed, number, model)

            answer = await (script if by_key else world.member).post(PROVISION_LICENSE, input=input)

            expected = model.by_key(slug) if by_key else model.outcome(slug)
            assert outcome(answer) == expected, (seed, number, model, by_key)
            if expected == "OK":
                model.held += 1
                licenses.append(answer["data"]["provisionLicense"]["license"]["id"])
        if licenses and random.random() < 0.4:
            license_id = licenses.pop(random.randrange(len(licenses)))
            await world.admin.change(REVOKE_LICENSE, licenseId=license_id, reason="Not used.")
            model.held -= 1


async def _change(random: Random, world: World, themes: dict[str, str], model: Model) -> None:
    """Changes one thing about the member."""
    match random.choice(("role", "most", "themes", "end")):
        case "role":
            model.role = random.choice(("ADMIN", "MEMBER", "MEMBER", "VIEWER"))
            await world.admin.change(CHANGE_ROLE, memberId=world.member.member_id, role=model.role)
        case "most":
            model.most = random.choice((None, 0, 1, 2, 5))
            await limit(world, world.member, maxActiveLicenses=model.most)
        case "themes":
            model.slugs = random.choice((None, (), ("aurora",), ("basalt",), SLUGS))
            ids = None if model.slugs is None else [themes[slug] for slug in model.slugs]
            await limit(world, world.member, themeIds=ids)
        case "end":
            model.has_ended = True
            await end(world, world.member)
