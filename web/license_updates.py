"""Endpoint for themes that are installed on sites: they update themselves with the key of their license."""

from resolvers.licenses.checks import CheckedLicense, check
from resolvers.licenses.signing import time_text
from resolvers.licenses.updates import LinkedFile, find_update
from web.app_state import State
from web.license_requests import Answer, ThemeRequest


async def updates(state: State, asked: ThemeRequest, found: CheckedLicense | None) -> Answer:
    """Answers `POST /licenses/updates` with the release that the site can install: 204 where it is current,
    and 403 with the status of a license that is not valid there."""
    settings = state.settings
    status, _, license = check(found, asked.host, settings.license_staging_hosts)
    if license is None or asked.key is None:
        return 403, {"status": status.value}
    update = await find_update(settings, state.database, license, asked.key, asked.host, asked.version)
    if update is None:
        return 204, None
    return 200, {
        "version": update.version,
        "notes": update.notes,
        "publishedAt": time_text(update.released_at),
        "files": [_file(each) for each in update.files],
    }


def _file(linked: LinkedFile) -> dict[str, object]:
    return {
        "name": linked.file.name,
        "size": linked.file.size,
        "sha256": linked.file.sha256,
        "url": linked.url,
        "expiresAt": time_text(linked.expires_at),
    }
