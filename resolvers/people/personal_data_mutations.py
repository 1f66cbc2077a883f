"""Issues download links to the data of a person, and opens them."""

import structlog

from models.columns import now
from models.database import Database
from models.members import User
from permissions.context import Context
from resolvers.downloads.links import (
    Content,
    Download,
    PersonalLink,
    Subject,
    issue_personal_link,
)
from resolvers.people.personal_data import personal_data
from resolvers.results import mutation_result, shown
from resolvers.unaudited import personal_change

_MEDIA_TYPE = "application/json"
log = structlog.get_logger()


@mutation_result
class RequestPersonalDataResult:
    """Payload of `requestPersonalData`: a link to the viewer's data."""

    download: Download = shown(
        "Link to the viewer's data, valid for a few minutes. The data is collected when the link is opened."
    )


async def request_personal_data(context: Context) -> RequestPersonalDataResult:
    """The process log says that it was requested. No account's log does: it is the person's own affair.

    Raises `ReauthenticationRequired`, because the document has data of each account."""
    viewer = context.signed_in()
    viewer.require_accepted_everywhere()
    user = viewer.user
    async with personal_change(context.database) as writer:
        download = await issue_personal_link(writer, context, _file_name(), _MEDIA_TYPE)
    log.info("personal_data_requested", user_id=str(user.id), request_id=context.client.request_id)
    return RequestPersonalDataResult(download=download)


async def open_personal_data(database: Database, link: PersonalLink) -> Content:
    user_id = link.user.id
    return Content(
        Subject(User, user_id, link.user.name, "its personal data"),
        _file_name(),
        _MEDIA_TYPE,
        None,
        None,
        lambda _start, _end: personal_data(database, user_id),
    )


def _file_name() -> str:
    return f"personal-data-{now():%Y-%m-%d}.json"
