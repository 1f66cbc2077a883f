"""What a resolver knows of the request it serves."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from models.columns import now
from models.database import Database
from models.notifications import AuditAnnouncer, Listener
from permissions import last_use
from permissions.credentials import find, refusal_of
from permissions.errors import Unauthenticated
from permissions.viewer import Client, Membership, Viewer
from settings import Settings


def _nothing(_id: UUID) -> None:
    return None


class DenialLog(Protocol):
    async def record(self, event: Mapping[str, Any]) -> None: ...


@dataclass
class Context:
    settings: Settings
    database: Database
    announcer: AuditAnnouncer
    listener: Listener
    client: Client = field(default_factory=Client)
    token: str | None = None
    """The credential's secret, as the request brought it; only to look the viewer up again."""
    viewer: Viewer | None = None
    caller: Viewer | None = None
    """Whose API key the request came with, whether it works or not."""
    keep_cookie: Callable[[str], None] = lambda _token: None
    """Hands a session's token to the browser; an empty one makes it forget."""
    by_cookie: bool = False
    """Whether the token came as a cookie, which a new session replaces."""
    is_page: bool = False
    """Whether a page of this site asks by script: a session's token is in its cookie, and in no answer."""
    browser_secret: str | None = None
    """Of the link cookie that the browser brought."""
    issue_browser_secret: Callable[[], str | None] = lambda: None
    """Sets the link cookie, or makes it live on, and returns its secret. None for clients without cookies."""
    loaders: dict[Any, Any] = field(default_factory=dict)
    known: Callable[[UUID], Any] = _nothing
    """Finds a row, by its id, that is in memory already: of those that told who is asking."""
    made: set[UUID] = field(default_factory=set)
    """Ids of the rows that changes of this request, or the ones that they repeat, have made."""
    denials: DenialLog | None = None
    """Where refused changes are counted, which the requests of a process share."""
    started_at: datetime = field(default_factory=now)

    def signed_in(self) -> Viewer:
        if self.viewer is None:
            raise Unauthenticated
        return self.viewer

    def membership(self, account_id: UUID) -> Membership | None:
        return self.viewer.membership(account_id) if self.viewer else None

    async def identify(self) -> None:
        """Looks up who is asking, as of now. Raises `Unauthenticated` where the credential is not valid, and
        `Forbidden` where its member's role is none for API keys."""
        self.viewer = self.caller = None
        self.forget()
        if not self.token:
            return
        found = await find(self.database, self.token)
        self.caller = found if found.is_api_key else None
        refusal = refusal_of(found)
        if refusal is not None:
            raise refusal
        if last_use.is_due(found):
            await last_use.note(self.database, found, self.settings.session_lifetime_seconds, self.client.ip)
        self.viewer = found
        self.known = found.known

    def forget(self) -> None:
        """What was read: something has changed, or what was read of it went wrong."""
        self.loaders.clear()
        self.known = _nothing
