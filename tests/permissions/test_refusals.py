"""A refused change leaves only its DENIED event."""

from typing import Any

from tests.support.answers import forbidden
from tests.support.permission_changes import CHANGES
from tests.support.stage import Stage
from tests.support.world import PROVISION

CHANGE_ROLE = """mutation ($input: ChangeMemberRoleInput!) { changeMemberRole(input: $input) {
  member { role } userErrors { code path } } }"""
REMOVE = """mutation ($input: RemoveMemberInput!) { removeMember(input: $input) {
  member { removedAt } userErrors { code path } } }"""
UPDATE = """mutation ($input: UpdateAccountInput!) { updateAccount(input: $input) {
  account { name } userErrors { code } } }"""
TRANSFER = """mutation ($input: TransferOwnershipInput!) { transferOwnership(input: $input) {
  account { owner { id role } } userErrors { code path } } }"""
BY_NAME = {change.name: change for change in CHANGES}


async def test_a_refusal_says_as_much_on_a_huge_input_and_keeps_little_of_it(stage: Stage) -> None:
    rows = [{"email": f"{'x' * 300}{number}@example.com", "role": "VIEWER"} for number in range(50)]
    change = BY_NAME["inviteMembers"]

    await stage.people["VIEWER"].post(
        change.operation, input={"accountId": stage.ids["account"], "invitations": rows}
    )

    denied = (await stage.world.events(outcome="DENIED"))[0]
    kept = denied["details"]["input"]["invitations"]
    assert len(kept) == 10
    assert {len(row["email"]) for row in kept} == {200}


async def test_a_refused_change_does_not_say_what_a_permitted_one_would(stage: Stage) -> None:
    """Whether an address is known, an input is valid or a site is taken is for those who may."""
    guesses: list[tuple[str, dict[str, Any]]] = [
        ("inviteMember", {"email": "admin@example.com"}),
        ("inviteMember", {"email": "waiting@example.com"}),
        ("inviteMember", {"email": "no address"}),
        ("inviteMembers", {"invitations": []}),
        ("updateAccount", {"name": ""}),
        ("setAccountLimits", {"maxActiveLicenses": -1}),
        ("provisionLicense", {"site": "owner.example.com"}),
        ("provisionLicense", {"site": "no site"}),
        ("revokeLicense", {"reason": ""}),
        ("removeMember", {"memberId": stage.ids["owner"]}),
        ("transferOwnership", {"memberId": "member_none"}),
        ("generateApiKey", {"name": ""}),
        ("generateApiKey", {"memberId": "member_none"}),
        ("rotateApiKey", {"overlapSeconds": -1}),
    ]
    for name, guess in guesses:
        change = BY_NAME[name]
        answer = await stage.people["VIEWER"].post(
            change.operation, input={**stage.input_of(change, "VIEWER"), **guess}
        )

        assert answer["data"] == {name: None}, name
        assert [error["extensions"] for error in answer["errors"]] == [forbidden(change.permission)], name


async def test_a_role_holds_from_the_next_request_on_both_ways(stage: Stage) -> None:
    member = stage.people["MEMBER"]
    provision = {"accountId": stage.ids["account"], "themeId": stage.ids["theme"]}

    for role in ("VIEWER", "MEMBER", "VIEWER", "ADMIN", "MEMBER"):
        await stage.owner.change(CHANGE_ROLE, memberId=member.member_id, role=role)
        may_provision = await member.errors(PROVISION, input={**provision, "site": f"{role}.example.com"})
        may_invite = await member.errors("{ account { invitations { totalCount } } }")

        assert may_provision == ([] if role != "VIEWER" else [forbidden("PROVISION_LICENSES")])
        assert may_invite == ([] if role == "ADMIN" else [forbidden("INVITE_MEMBERS")])


async def test_a_removed_member_finds_nothing_any_more(stage: Stage) -> None:
    member = stage.people["MEMBER"]
    await stage.owner.change(REMOVE, memberId=member.member_id)
    stored, events = await stage.stored(), await stage.world.events()

    for change in CHANGES:
        payload = await member.change(change.operation, **stage.input_of(change, "MEMBER"))
        assert [error["code"] for error in payload["userErrors"]] == ["NOT_FOUND"], change.name

    data = await member.ask("{ account { name } viewer { memberships { id } } }")
    assert data == {"account": None, "viewer": {"memberships": []}}
    assert (await stage.stored(), await stage.world.events()) == (stored, events)


async def test_a_session_that_was_signed_out_is_nobody_s(stage: Stage) -> None:
    admin = stage.people["ADMIN"]
    await admin.ask("mutation { signOut { userErrors { code } } }")
    stored, events = await stage.stored(), await stage.world.events()

    for change in CHANGES:
        refusals = await admin.errors(change.operation, input=stage.input_of(change, "ADMIN"))
        assert refusals == [{"code": "UNAUTHENTICATED"}]

    assert (await stage.stored(), await stage.world.events()) == (stored, events)


async def test_another_account_is_not_found_and_hears_nothing(stage: Stage) -> None:
    neighbour = await stage.world.found("Other", "neighbour@example.com")
    stored, events = await stage.stored(), await stage.world.events()

    for change in CHANGES:
        payload = await neighbour.change(change.operation, **stage.input_of(change, "VIEWER"))
        assert [error["code"] for error in payload.pop("userErrors")] == ["NOT_FOUND"], change.name
        assert not any(payload.values())
    for name, id in stage.ids.items():
        data = await neighbour.ask(
            "query ($id: ID!) { node(id: $id) { id } nodes(ids: [$id]) { id } }", id=id
        )
        public = name in ("theme", "release", "file")
        assert (data["node"] is not None, data["nodes"] != [None]) == (public, public), name

    own_log = await neighbour.ask("{ account { auditLog { totalCount } } }")
    assert own_log["account"]["auditLog"]["totalCount"] == 2
    assert (await stage.stored(), await stage.world.events()) == (stored, events)


async def test_ids_of_another_account_do_not_get_into_this_one_by_its_admin(stage: Stage) -> None:
    """Each names something of the neighbours in an otherwise permitted change."""
    neighbour = await stage.world.found("Other", "neighbour@example.com")
    stored, events = await stage.stored(), await stage.world.events()
    account, theme, theirs = stage.ids["account"], stage.ids["theme"], neighbour.member_id
    attempts: list[tuple[str, dict[str, str], str]] = [
        (TRANSFER, {"accountId": account, "memberId": theirs}, "memberId"),
        (PROVISION, {"accountId": account, "themeId": theme, "site": "a.eu", "holderId": theirs}, "holderId"),
        (REMOVE, {"memberId": stage.ids["bystander"], "transferLicensesTo": theirs}, "transferLicensesTo"),
        (CHANGE_ROLE, {"memberId": theirs, "role": "VIEWER"}, "memberId"),
    ]
    for mutation, input, argument in attempts:
        payload = await stage.owner.change(mutation, **input)
        assert [(error["code"], error["path"]) for error in payload["userErrors"]] == [
            ("NOT_FOUND", [argument])
        ]

    assert (await stage.stored(), await stage.world.events()) == (stored, events)


async def test_who_belongs_to_two_accounts_has_each_one_s_role_there_alone(stage: Stage) -> None:
    """And what is refused here tells of nothing there."""
    viewer = stage.people["VIEWER"]
    payload = await viewer.change(
        """mutation ($input: CreateAccountInput!) { createAccount(input: $input) {
             account { id auditLog { totalCount } viewerMember { id role } } userErrors { code } } }""",
        name="Their own",
    )
    own = payload["account"]
    assert (own["viewerMember"]["role"], own["auditLog"]["totalCount"]) == ("ADMIN", 1)

    here = await viewer.errors(UPDATE, input={"accountId": stage.ids["account"], "name": "Mine"})
    renamed = await viewer.change(UPDATE, accountId=own["id"], name="Mine")
    mixed = await viewer.errors(
        TRANSFER, input={"accountId": stage.ids["account"], "memberId": own["viewerMember"]["id"]}
    )

    assert here == mixed == [forbidden("MANAGE_ACCOUNT")]
    assert renamed["account"] == {"name": "Mine"}
    newest = await stage.owner.ask("{ account { auditLog(first: 1) { nodes { targetType targetName } } } }")
    assert newest["account"]["auditLog"]["nodes"] == [{"targetType": "Account", "targetName": "Acme"}]


async def test_only_the_owner_hands_the_ownership_on(stage: Stage) -> None:
    admin = stage.people["ADMIN"]
    heir = {"accountId": stage.ids["account"], "memberId": stage.ids["bystander"]}
    assert await admin.errors(TRANSFER, input=heir) == [forbidden("MANAGE_ACCOUNT")]

    payload = await stage.owner.change(TRANSFER, **heir)

    assert payload["account"]["owner"] == {"id": stage.ids["bystander"], "role": "ADMIN"}
    assert await stage.owner.errors(TRANSFER, input=heir) == [forbidden("MANAGE_ACCOUNT")]
