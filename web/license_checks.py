"""Endpoints for themes that are installed on sites: they check their license with its key."""

from datetime import datetime

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from models.columns import now
from resolvers.licenses.checks import CheckedLicense, LicenseCheck, check
from resolvers.licenses.signing import time_text
from web.app_state import State
from web.license_requests import Answer, ThemeRequest


def routes() -> list[BaseRoute]:
    return [Route("/.well-known/jwks.json", public_keys, methods=["GET"])]


async def public_keys(request: Request) -> Response:
    """The keys that verify `token`, as a JSON Web Key Set."""
    state: State = request.app.state.team_access
    headers = {"Cache-Control": "public, max-age=300"}
    return Response(state.license_signer.public_keys, media_type="application/json", headers=headers)


async def verify(state: State, asked: ThemeRequest, found: CheckedLicense | None) -> Answer:
    """Answers `POST /licenses/verify`. The whole request executes one statement."""
    at = now()
    checked = check(found, asked.host, state.settings.license_staging_hosts)
    if checked.license is not None:
        state.license_check_notes.note(checked.license, at, str(asked.host), asked.version or None)
    answer = _answer(checked, asked, at)
    issued_at = int(at.timestamp())
    times = {"iat": issued_at, "exp": issued_at + checked.token_seconds(asked.key, at)}
    claims = {"sub": asked.site, **times, **answer}
    return 200, {**answer, "token": state.license_signer.token(claims)}


def _answer(checked: LicenseCheck, asked: ThemeRequest, at: datetime) -> dict[str, object]:
    found = checked.license
    expires_at = None if found is None else found.expires_at
    return {
        "status": checked.status.value,
        "environment": None if checked.environment is None else checked.environment.value,
        "theme": None if found is None else found.theme,
        "site": None if found is None else found.site,
        "expiresAt": None if expires_at is None else time_text(expires_at),
        "latestVersion": None if found is None else found.latest_version,
        "checkedAt": time_text(at),
        "nonce": asked.nonce,
        "recheckAfterSeconds": checked.recheck_after_seconds(asked.key, at),
    }
