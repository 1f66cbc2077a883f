"""Sets the rules of an account about sessions and API keys."""

from strawberry import UNSET

from models.accounts import Account
from models.audit_actions import AuditAction
from permissions.context import Context
from permissions.errors import Forbidden
from permissions.roles import Permission
from resolvers.accounts.inputs import SetSecurityPolicyInput
from resolvers.accounts.queries import account_id_of
from resolvers.api_keys.policies import forget_notices, shorten_keys
from resolvers.change import change
from resolvers.results import mutation_result, shown
from resolvers.user_errors import invalid

_NOT_ABOUT_KEYS = "API keys cannot set rules about API keys, whatever their member may do: sign in to do it."
_WHICH = "whose rules about API keys no API key can set"


@mutation_result
class SetSecurityPolicyResult:
    """Payload of `setSecurityPolicy`: the account with its new rules."""

    account: Account = shown("Account with its new rules.")


async def set_security_policy(context: Context, input: SetSecurityPolicyInput) -> SetSecurityPolicyResult:
    async with change(context, account_id_of(input.account_id), AuditAction.SECURITY_POLICY_CHANGED) as tx:
        if context.signed_in().is_api_key and _is_about_keys(input):
            raise Forbidden(Permission.MANAGE_ACCOUNT, _NOT_ABOUT_KEYS, _WHICH)
        before, rules = tx.account, _rules(input)
        changed: dict[str, object] = {
            name: [getattr(before, name), value]
            for name, value in rules.items()
            if value != getattr(before, name)
        }
        account = await tx.update(before, **rules)
        if changed:
            tx.record(account, account.name, "changed the account's security policy", changed)
            await tx.access_changed(account.id)
            if account.api_key_max_lifetime_days is not None:
                await shorten_keys(tx, context.settings, account.api_key_max_lifetime_days)
            if "api_key_revoke_unused_after_days" in changed:
                await forget_notices(tx)
        else:
            tx.without_event()
    await context.reload_viewer()
    return SetSecurityPolicyResult(account=account)


def _is_about_keys(input: SetSecurityPolicyInput) -> bool:
    """Whether the input sets or removes a rule that ends keys. No scope allows that."""
    rules = (input.api_key_max_lifetime_days, input.api_key_revoke_unused_after_days)
    return any(rule is not UNSET for rule in rules)


def _rules(input: SetSecurityPolicyInput) -> dict[str, int | None]:
    """The rules that the input sets. None means no rule."""
    rules = {
        "max_session_age_seconds": _bounded(
            input.max_session_age_seconds, "maxSessionAgeSeconds", 60, 31_536_000, "seconds"
        ),
        "api_key_max_lifetime_days": _bounded(
            input.api_key_max_lifetime_days, "apiKeyMaxLifetimeDays", 1, 3_650, "days"
        ),
        "api_key_revoke_unused_after_days": _bounded(
            input.api_key_revoke_unused_after_days, "apiKeyRevokeUnusedAfterDays", 1, 3_650, "days"
        ),
    }
    return {name: value for name, value in rules.items() if value is not UNSET}


def _bounded(value: int | None, path: str, least: int, most: int, unit: str) -> int | None:
    if value is not UNSET and value is not None and not least <= value <= most:
        raise invalid(f"This rule must be {least:,} to {most:,} {unit}, or null for no rule.", path)
    return value
