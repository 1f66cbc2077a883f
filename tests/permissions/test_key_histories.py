"""What the API allows an API key after random changes of its member's role, its scopes and its end is what a
short model says."""

from dataclasses import dataclass, field
from random import Random

import pytest

from tests.support.changes import CHANGE_ROLE, REVOKE_API_KEY, UPDATE_API_KEY
from tests.support.contracts import MATRIX, SCOPES
from tests.support.permission_changes import CHANGES
from tests.support.stage import Stage
from tests.support.stored_keys import uuid_of, with_key
from tests.support.world import Person

STEPS = 25
REFUSED_INPUT: dict[str, dict[str, object]] = {
    "updateAccount": {"name": ""},
    "inviteMember": {"email": "no address"},
    "purchaseLicenses": {"items": []},
    "updateBillingDetails": {"country": "XX"},
    "provisionLicense": {"site": "no site"},
    "suspendLicense": {"reason": ""},
    "generateApiKey": {"name": ""},
}
"""Changes with an input that is refused with `userErrors`, to those who may make them."""
PROBES = [change for change in CHANGES if change.name in REFUSED_INPUT]


@dataclass
class Model:
    role: str = "ADMIN"
    scopes: set[str] = field(default_factory=lambda: set(SCOPES))
    has_ended: bool = False

    def outcome(self, permission: str) -> str:
        if self.has_ended:
            return "UNAUTHENTICATED"
        if self.role == "VIEWER" or self.role not in MATRIX[permission]:
            return "FORBIDDEN"
        carried = set[str]().union(*(SCOPES[scope] for scope in self.scopes))
        return "INVALID" if permission in carried else "FORBIDDEN"

    def reads(self) -> str:
        if self.has_ended:
            return "UNAUTHENTICATED"
        return "OK" if self.role != "VIEWER" and "READ" in self.scopes else "FORBIDDEN"


@pytest.mark.parametrize("seed", range(6))
async def test_random_histories_equal_the_model(stage: Stage, seed: int) -> None:
    random, model = Random(seed), Model()
    member = stage.people["ADMIN"]
    script = await with_key(stage.world, member, *SCOPES)
    for step in range(STEPS):
        await _change(random, stage, script, model)

        for change in PROBES:
            input = {**stage.input_of(change, "ADMIN"), **REFUSED_INPUT[change.name]}
            found = _outcome(await script.post(change.operation, input=input), change.name)
            assert found == model.outcome(change.permission), (seed, step, model, change.name)
        read = await script.post("{ account { viewerMember { role } } }")
        assert _outcome(read, "account") == model.reads(), (seed, step, model)
        if model.has_ended:
            script, model = await with_key(stage.world, member, *SCOPES), Model(model.role)


async def _change(random: Random, stage: Stage, script: Person, model: Model) -> None:
    """Changes the member's role or the key."""
    match random.choices(("role", "scopes", "end", "revoke"), (4, 4, 1, 1))[0]:
        case "role":
            model.role = random.choice(("ADMIN", "ADMIN", "MEMBER", "VIEWER"))
            member_id = stage.people["ADMIN"].member_id
            await stage.owner.change(CHANGE_ROLE, memberId=member_id, role=model.role)
        case "scopes":
            model.scopes = set(random.sample(sorted(model.scopes), random.randint(1, len(model.scopes))))
            payload = await stage.owner.change(
                UPDATE_API_KEY, apiKeyId=script.member_id, scopes=sorted(model.scopes)
            )
            assert payload["userErrors"] == []
        case "end":
            model.has_ended = True
            await stage.world.superuser.execute(
                "UPDATE api_keys SET expires_at = now() WHERE id = $1", uuid_of(script.member_id or "")
            )
        case "revoke":
            model.has_ended = True
            await stage.owner.change(REVOKE_API_KEY, apiKeyId=script.member_id)


def _outcome(answer: dict[str, object], name: str) -> str:
    errors: list[dict[str, dict[str, str]]] = answer.get("errors") or []  # type: ignore[assignment]
    if errors:
        (code,) = {error["extensions"]["code"] for error in errors}
        return code
    payload: dict[str, list[dict[str, str]]] = (answer["data"] or {})[name]  # type: ignore[index]
    return "".join(error["code"] for error in payload.get("userErrors", [])) or "OK"
