"""Inputs of accounts: of mutations, and filters of lists."""

from decimal import Decimal

import strawberry

from engine.input_limits import text
from resolvers.input_fields import idempotency_key


@strawberry.input(description="A new account; the viewer becomes its owner.")
class CreateAccountInput:
    name: str = text("Not empty.", most=100)
    idempotency_key: str | None = idempotency_key()


@strawberry.input(description="A new name for an account.")
class UpdateAccountInput:
    account_id: strawberry.ID = strawberry.field(description="Which account.")
    name: str = text("Not empty.", most=100)


@strawberry.input(description="Caps for an account. One that is left out stays; null means no cap.")
class SetAccountLimitsInput:
    account_id: strawberry.ID = strawberry.field(description="Which account.")
    max_active_licenses: int | None = strawberry.field(
        default=strawberry.UNSET, description="How many licenses may be active."
    )
    max_monthly_spend: Decimal | None = strawberry.field(
        default=strawberry.UNSET, description="How much may be bought in a month, with tax."
    )


@strawberry.input(description="Who is to be the owner.")
class TransferOwnershipInput:
    account_id: strawberry.ID = strawberry.field(description="Which account.")
    member_id: strawberry.ID = strawberry.field(description="The heir, who is made Admin by it.")
