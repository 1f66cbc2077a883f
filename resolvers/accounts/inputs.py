"""Inputs of accounts: of mutations, and filters of lists."""

from decimal import Decimal

import strawberry

from engine.input_limits import text
from resolvers.input_fields import idempotency_key


@strawberry.input(description="Input of `createAccount`: the name of the new account.")
class CreateAccountInput:
    name: str = text("Name of the new account, on one line and not empty.", most=100)
    idempotency_key: str | None = idempotency_key()


@strawberry.input(description="Input of `updateAccount`: the account and its new name.")
class UpdateAccountInput:
    account_id: strawberry.ID = strawberry.field(description="Id of the account to rename.")
    name: str = text("New name of the account, on one line and not empty.", most=100)


@strawberry.input(
    description="Input of `setAccountLimits`. A limit that is omitted does not change; null removes it."
)
class SetAccountLimitsInput:
    account_id: strawberry.ID = strawberry.field(description="Id of the account whose limits are set.")
    max_active_licenses: int | None = strawberry.field(
        default=strawberry.UNSET,
        description="Maximum number of active licenses, 0 or more. If omitted, unchanged; null for no limit.",
    )
    max_monthly_spend: Decimal | None = strawberry.field(
        default=strawberry.UNSET,
        description="Maximum total of purchases in a calendar month (UTC), including tax, in the account's"
        " currency with at most two decimals. If omitted, unchanged; null for no limit.",
    )


@strawberry.input(
    description="Input of `setSecurityPolicy`. A rule that is omitted does not change; null removes it."
)
class SetSecurityPolicyInput:
    account_id: strawberry.ID = strawberry.field(description="Id of the account whose rules are set.")
    max_session_age_seconds: int | None = strawberry.field(
        default=strawberry.UNSET,
        description="Maximum age of a session in seconds, 60 to 31,536,000 (a year). If omitted, unchanged;"
        " null for no rule.",
    )
    api_key_max_lifetime_days: int | None = strawberry.field(
        default=strawberry.UNSET,
        description="Maximum lifetime of an API key in days, 1 to 3,650. If omitted, unchanged; null for no"
        " rule.",
    )
    api_key_revoke_unused_after_days: int | None = strawberry.field(
        default=strawberry.UNSET,
        description="Number of days without use after which an API key is revoked, 1 to 3,650. If omitted,"
        " unchanged; null for no rule.",
    )


@strawberry.input(description="Input of `transferOwnership`: the account and its new owner.")
class TransferOwnershipInput:
    account_id: strawberry.ID = strawberry.field(description="Id of the account whose owner changes.")
    member_id: strawberry.ID = strawberry.field(
        description="Id of the member who becomes the owner, and an Admin if necessary."
    )
