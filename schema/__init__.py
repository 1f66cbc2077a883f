"""The GraphQL schema."""

import strawberry
from strawberry.printer import print_schema
from strawberry.schema.config import StrawberryConfig

from engine.input_limits import undeclared
from engine.scalars import SCALARS
from resolvers.global_ids import PREFIXES
from schema import user_errors as errors
from schema.accounts import Account
from schema.audit import AuditEvent
from schema.audit_streams import AuditStream
from schema.catalog import Theme, ThemeFile, ThemeRelease
from schema.fields import NODE_RULES
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

if _undeclared := undeclared(SCHEMA._schema):
    raise TypeError(f"Texts and lists need a bound, see engine.input_limits: {', '.join(_undeclared)}")

if _without_rule := PREFIXES.keys() - NODE_RULES.keys():
    raise TypeError(f"A type that is a Node has to show each of these tables: {_without_rule}")


def printed() -> str:
    return print_schema(SCHEMA) + "\n"
