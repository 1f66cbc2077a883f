"""After any sequence of changes, counts equal the number of licenses."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from resolvers.licenses.jobs import expire_due
from tests.licenses.test_license_changes import make
from tests.support import chain
from tests.support.beginnings import Beginnings
from tests.support.changes import PROVISION_LICENSE, REMOVE, codes
from tests.support.contracts import ROLES
from tests.support.world import World

BOUGHT = 5
BOUNDED = settings(
    max_examples=15,
    stateful_step_count=25,
    derandomize=True,
    database=None,
    deadline=None,
    phases=(Phase.generate,),
    suppress_health_check=list(HealthCheck),
)
SITES = st.sampled_from([f"s{number}.example.com" for number in range(7)])
OVER = "UPDATE licenses SET expires_at = now() - interval '1 second' WHERE expires_at IS NOT NULL"
STORED = "SELECT id, status, holder_id FROM licenses"


@dataclass
class Licensed:
    """What a license should be."""

    site: str
    holder: str
    """A role."""
    expires: bool
    stored: str = "ACTIVE"
    is_over: bool = False

    @property
    def is_live(self) -> bool:
        return self.stored in ("ACTIVE", "SUSPENDED")

    @property
    def may_be_used(self) -> bool:
        return self.is_live and not self.is_over


class Licenses(RuleBasedStateMachine):
    """Its rules run in a thread, and what they ask for in the event loop of the test."""

    licenses = Bundle("licenses")
    loop: asyncio.AbstractEventLoop
    begin: Callable[[], Awaitable[None]]
    world: World
    theme_id: str

    def __init__(self) -> None:
        super().__init__()
        self.known: dict[str, Licensed] = {}
        self.gone: set[str] = set()
        self.run(type(self).begin())

    def run(self, asked: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(asked, self.loop).result(30)

    def is_refused(self, asked: Coroutine[Any, Any, dict[str, Any]]) -> bool:
        return bool(codes(self.run(asked)))

    @rule(
        target=licenses,
        site=SITES,
        holder=st.sampled_from(ROLES),
        expires=st.sampled_from([True, True, True, False]),
    )
    def provision(self, site: str, holder: str, expires: bool) -> Any:
        input = {
            "accountId": self.world.account_id,
            "themeId": self.theme_id,
            "site": site,
            "holderId": self.world.people[holder].member_id,
            "expiresAt": "2100-01-01T00:00:00Z" if expires else None,
        }
        payload = self.run(self.world.admin.change(PROVISION_LICENSE, **input))
        left = [license for license in self.known.values() if license.may_be_used]
        possible = holder not in self.gone and len(left) < BOUGHT and site not in {each.site for each in left}
        assert bool(payload["license"]) == possible, payload
        if not possible:
            return multiple()
        self.expire()
        id: str = payload["license"]["id"]
        self.known[id] = Licensed(site, holder, expires)
        return id

    @initialize(target=licenses)
    def three_are_there(self) -> Any:
        return multiple(*(self.provision(f"s{number}.example.com", "MEMBER", True) for number in range(3)))

    @rule(id=licenses)
    def suspend(self, id: str) -> None:
        license = self.known[id]
        refused = self.is_refused(make(self.world, id, "suspend"))
        assert refused != (license.may_be_used and license.stored == "ACTIVE")
        license.stored = license.stored if refused else "SUSPENDED"

    @rule(id=licenses)
    def reinstate(self, id: str) -> None:
        license = self.known[id]
        refused = self.is_refused(make(self.world, id, "reinstate"))
        assert refused != (license.may_be_used and license.stored == "SUSPENDED")
        license.stored = license.stored if refused else "ACTIVE"

    @rule(id=licenses, to=st.sampled_from(ROLES))
    def transfer(self, id: str, to: str) -> None:
        license = self.known[id]
        refused = self.is_refused(
            make(self.world, id, "transfer", toMemberId=self.world.people[to].member_id)
        )
        assert refused != (license.may_be_used and to not in self.gone)
        license.holder = license.holder if refused else to

    @rule(id=licenses)
    def revoke(self, id: str) -> None:
        license = self.known[id]
        assert self.is_refused(make(self.world, id, "revoke")) == (license.stored == "REVOKED")
        license.stored = "REVOKED"

    @rule()
    def time_passes(self) -> None:
        """For all that expire and are there."""
        self.run(self.world.superuser.execute(OVER))
        for license in self.known.values():
            license.is_over = license.expires

    @rule()
    def the_job_comes_by(self) -> None:
        due = [license for license in self.known.values() if license.is_live and license.is_over]
        assert self.run(expire_due(self.world.database)) == len(due)
        self.expire()

    @rule(who=st.sampled_from(["MEMBER", "VIEWER"]))
    def remove(self, who: str) -> None:
        refused = self.is_refused(self.world.admin.change(REMOVE, memberId=self.world.people[who].member_id))
        assert refused == (who in self.gone)
        self.gone.add(who)
        for license in self.known.values():
            if license.holder == who and license.may_be_used:
                license.holder = "ADMIN"

    def expire(self) -> None:
        for license in self.known.values():
            if license.is_live and license.is_over:
                license.stored = "EXPIRED"

    @invariant()
    def what_is_counted_is_there(self) -> None:
        rows = self.run(self.world.superuser.fetch(STORED))
        provisioned = self.run(self.world.superuser.fetchval("SELECT provisioned FROM entitlements"))
        roles = {person.member_id: role for role, person in self.world.people.items()}

        assert {
            f"license_{row['id'].hex}": (row["status"], roles[f"member_{row['holder_id'].hex}"])
            for row in rows
        } == {id: (license.stored, license.holder) for id, license in self.known.items()}
        assert provisioned == sum(license.is_live for license in self.known.values())

    def teardown(self) -> None:
        self.run(chain.assert_whole(self.world.superuser))


async def test_counts_never_disagree_with_the_rows(
    world: World, themes: dict[str, str], beginnings: Beginnings
) -> None:
    async def begin() -> None:
        await beginnings.tables.begin_with("themes")

    members = {
        "loop": asyncio.get_running_loop(),
        "begin": begin,
        "world": world,
        "theme_id": themes["aurora"],
    }
    machine = type("Licenses", (Licenses,), members)
    await asyncio.to_thread(run_state_machine_as_test, machine, settings=BOUNDED)
