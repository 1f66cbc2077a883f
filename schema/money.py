from decimal import Decimal

import strawberry

from permissions.allow import ANYONE
from schema.fields import object_type


@object_type(allow=ANYONE, description="Amount of money in a currency.")
class Money:
    amount: Decimal = strawberry.field(
        description='Exact amount in the currency\'s main unit, with two decimals, such as `"12.50"`.'
    )
    currency: str = strawberry.field(description="Currency as three letters of ISO 4217, such as `EUR`.")
