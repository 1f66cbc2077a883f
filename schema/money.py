from decimal import Decimal

import strawberry

from permissions.allow import ANYONE
from schema.fields import object_type


@object_type(allow=ANYONE, description="An amount of money.")
class Money:
    amount: Decimal = strawberry.field(description="Exact, with two decimals.")
    currency: str = strawberry.field(description="Three letters of ISO 4217: `EUR`.")
