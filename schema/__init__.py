"""The GraphQL schema."""

import strawberry
from strawberry.printer import print_schema
from strawberry.schema.config import StrawberryConfig

from engine.input_limits import require_limits
from engine.list_sizes import require_list_sizes
from engine.scalars import SCALARS
from resolvers.global_ids import PREFIXES
from schema import user_errors as errors
from schema.accounts import Account
from schema.audit import AuditEvent
from schema.audit_streams import AuditStream
from schema.catalog import Theme, ThemeFile, ThemeRelease
from schema.fields import require_node_rules
from schema.invitations import Invitation
from schema.licenses import Entitlement, License
from schema.members import Member
from schema.mutation import Mutation
from schema.query import Query
from schema.sessions import Session, User
from schema.subscription import Subscription

SCHEMA = strawberry.Schema(
    query=Query,
    mutation=Mutation,
    subscription=Subscription,
    types=[
        *errors.TYPES,
        Account,
        AuditEvent,
        AuditStream,
        Entitlement,
        Invitation,
        License,
        Member,
        Session,
        Theme,
        ThemeFile,
        ThemeRelease,
        User,
    ],
    config=StrawberryConfig(scalar_map=SCALARS),
)

require_limits(SCHEMA._schema)
require_list_sizes(SCHEMA._schema)
require_node_rules(PREFIXES)


def printed() -> str:
    return print_schema(SCHEMA) + "\n"
