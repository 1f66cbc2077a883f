"""The rules of an account about sessions and API keys are set, bounded and shown."""

import pytest

from tests.support.changes import SET_SECURITY_POLICY, nothing_changes, user_error
from tests.support.stored_keys import with_key
from tests.support.world import World

POLICY = """{ account { securityPolicy {
  maxSessionAgeSeconds apiKeyMaxLifetimeDays apiKeyRevokeUnusedAfterDays } } }"""
NO_RULES = {
    "maxSessionAgeSeconds": None,
    "apiKeyMaxLifetimeDays": None,
    "apiKeyRevokeUnusedAfterDays": None,
}


async def test_an_omitted_rule_stays_and_null_removes_it(world: World) -> None:
    assert await _policy(world) == NO_RULES

    await _set(world, maxSessionAgeSeconds=3600, apiKeyRevokeUnusedAfterDays=90)
    assert await _policy(world) == {
        **NO_RULES,
        "maxSessionAgeSeconds": 3600,
        "apiKeyRevokeUnusedAfterDays": 90,
    }

    await _set(world, maxSessionAgeSeconds=None)
    assert await _policy(world) == {**NO_RULES, "apiKeyRevokeUnusedAfterDays": 90}


async def test_the_event_tells_the_rules_before_and_after(world: World) -> None:
    await _set(world, maxSessionAgeSeconds=3600)
    await _set(world, maxSessionAgeSeconds=7200, apiKeyMaxLifetimeDays=None)
    async with nothing_changes(world):
        await _set(world, maxSessionAgeSeconds=7200)

    events = await world.events(actions=["SECURITY_POLICY_CHANGED"])
    assert [(event["summary"], event["details"]) for event in events] == [
        ("Admin changed the account's security policy", {"maxSessionAgeSeconds": [3600, 7200]}),
        ("Admin changed the account's security policy", {"maxSessionAgeSeconds": [None, 3600]}),
    ]


@pytest.mark.parametrize(
    ("rule", "value", "message"),
    [
        *(
            ("maxSessionAgeSeconds", value, "60 to 31,536,000 seconds")
            for value in (0, -1, 59, 31_536_001, 2**31 - 1)
        ),
        *(
            (rule, value, "1 to 3,650 days")
            for rule in ("apiKeyMaxLifetimeDays", "apiKeyRevokeUnusedAfterDays")
            for value in (0, -1, 3_651, 1_000_000)
        ),
    ],
)
async def test_a_rule_out_of_bounds_changes_nothing(
    world: World, rule: str, value: int, message: str
) -> None:
    others = {name: 100 for name in NO_RULES if name != rule}

    async with nothing_changes(world):
        payload = await world.admin.change(
            SET_SECURITY_POLICY, accountId=world.account_id, **others, **{rule: value}
        )

    assert user_error(payload) == ("INVALID", [rule])
    assert payload["userErrors"][0]["message"] == f"This rule must be {message}, or null for no rule."


@pytest.mark.parametrize("rule", ["apiKeyMaxLifetimeDays", "apiKeyRevokeUnusedAfterDays"])
@pytest.mark.parametrize("days", [30, None])
async def test_an_api_key_sets_no_rule_about_api_keys(world: World, rule: str, days: int | None) -> None:
    script = await with_key(world, world.admin, "ACCOUNT")
    await _set(world, **{rule: 60})
    await script.post(POLICY)  # Stores the time of its use.
    input = {"accountId": world.account_id, "maxSessionAgeSeconds": 3600, rule: days}

    async with nothing_changes(world, denied=2):  # The other one is API_CALLED.
        answer = await script.post(SET_SECURITY_POLICY, input=input)

    (error,) = answer["errors"]
    assert error["extensions"] == {"code": "FORBIDDEN", "permission": "MANAGE_ACCOUNT"}
    assert error["message"] == (
        "API keys cannot set rules about API keys, whatever their member may do: sign in to do it."
    )
    (event, *_) = await world.events(actions=["SECURITY_POLICY_CHANGED"])
    assert event["summary"] == (
        "Admin tried to change the security policy, whose rules about API keys no API key can set"
    )


async def test_an_api_key_sets_the_rule_about_sessions(world: World) -> None:
    script = await with_key(world, world.admin, "ACCOUNT")

    payload = await script.change(
        SET_SECURITY_POLICY, accountId=world.account_id, maxSessionAgeSeconds=31_536_000
    )

    assert payload["account"]["securityPolicy"]["maxSessionAgeSeconds"] == 31_536_000


async def _set(world: World, **rules: int | None) -> None:
    payload = await world.admin.change(SET_SECURITY_POLICY, accountId=world.account_id, **rules)
    assert payload["userErrors"] == []


async def _policy(world: World) -> dict[str, int | None]:
    policy: dict[str, int | None] = (await world.viewer.ask(POLICY))["account"]["securityPolicy"]
    return policy
