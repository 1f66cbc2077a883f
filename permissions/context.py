"""Context of a request, which its resolvers receive."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from sqlmodel import SQLModel

from engine.canonical_json import JSONObject
from engine.fair_queue import requester
from models.columns import now
from models.database import Database
from models.new_event import NewEvent
from models.notifications import AuditAnnouncer, Listener
from permissions import last_use
from permissions.credentials import find_viewer, refusal_of
from permissions.errors import Unauthenticated
from permissions.viewer import Client, Membership, Viewer
from settings import Settings


def _nothing(_id: UUID) -> None:
    return None


class ChangeRule(Protocol):
    """Rule of a change: the `allow=` of its field."""

    own: str | None
    """Attribute of the object with the id of the member that it belongs to, for rules that depend on it."""

    def refusal_of_change(self, membership: Membership, on: object) -> Exception | None: ...


@dataclass(frozen=True, slots=True)
class MutationCall:
    """A mutation that is executed: its rule, and its input as JSON."""

    allow: ChangeRule
    input: JSONObject


class DenialLog(Protocol):
    async def record(self, event: NewEvent) -> None: ...


@dataclass
class Context:
    settings: Settings
    database: Database
    announcer: AuditAnnouncer
    listener: Listener
    client: Client = field(default_factory=Client)
    token: str | None = None
    """Secret of the request's credential. It is used only to look up the viewer again."""
    viewer: Viewer | None = None
    api_key_viewer: Viewer | None = None
    """Viewer of the request's API key, whether the key works or not."""
    keep_cookie: Callable[[str], None] = lambda _token: None
    """Sets the cookie with the session's token in the browser; an empty token deletes the cookie."""
    by_cookie: bool = False
    """Whether the token came in a cookie, which a new session replaces."""
    is_page: bool = False
    """Whether a script on a page of this site sent the request. Session tokens are then only set as cookies
    and never returned."""
    browser_secret: str | None = None
    """Value of the link cookie that the browser sent."""
    issue_browser_secret: Callable[[], str | None] = lambda: None
    """Sets or prolongs the link cookie and returns its value. None for clients without cookies."""
    loaders: dict[object, Any] = field(default_factory=dict)
    cached_row: Callable[[UUID], SQLModel | None] = _nothing
    """Returns a row by its id if the lookup of the viewer has read it, or None."""
    created_ids: set[UUID] = field(default_factory=set)
    """Ids of rows that changes of this request have created. A repeated change counts as the original one."""
    current_mutation: MutationCall | None = None
    """The mutation that is executed now. Mutations of one request are executed one after the other."""
    denials: DenialLog | None = None
    """Log of refused changes, which all requests of the process share."""
    started_at: datetime = field(default_factory=now)

    @property
    def mutation_call(self) -> MutationCall:
        """The mutation that is executed. Raises `RuntimeError` if there is none, because changes are made by
        mutations only."""
        if self.current_mutation is None:
            raise RuntimeError("change() was called outside a mutation's resolver")
        return self.current_mutation

    def signed_in(self) -> Viewer:
        if self.viewer is None:
            raise Unauthenticated
        return self.viewer

    def membership(self, account_id: UUID) -> Membership | None:
        return self.viewer.membership(account_id) if self.viewer else None

    async def authenticate(self) -> None:
        """Looks up the viewer at the current time. Raises `Unauthenticated` if the credential is not valid,
        and `Forbidden` if the role of the API key's member does not allow API keys."""
        self.viewer = self.api_key_viewer = None
        self.forget()
        if not self.token:
            return
        found = await find_viewer(self.database, self.token)
        requester.set(found.requester)
        self.api_key_viewer = found if found.is_api_key else None
        refusal = refusal_of(found, self.client.ip)
        if refusal is not None:
            raise refusal
        if last_use.is_due(found):
            await last_use.note(self.database, found, self.settings.session_lifetime_seconds, self.client.ip)
        self.viewer = found
        self.cached_row = found.own_row

    async def reload_viewer(self) -> None:
        """Looks up the viewer after a change of its credential, its memberships or their roles: what the
        payload shows is decided by them."""
        await self.authenticate()

    def forget(self) -> None:
        """Discards the rows that were read, because a change was made or reading failed."""
        self.loaders.clear()
        self.cached_row = _nothing
