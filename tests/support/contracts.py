"""Contracts that tests are generated from: the permission matrix and the public API."""

import csv
from pathlib import Path

COPY = Path(__file__).parents[1] / "contract"
BESIDE = Path(__file__).parents[3] / "shared" / "contract"
"""Folder of the original, on machines that have it next to the project."""

CONTRACT = BESIDE if BESIDE.is_dir() else COPY
ROLES = ("ADMIN", "MEMBER", "VIEWER")


def _matrix() -> dict[str, frozenset[str]]:
    with (CONTRACT / "permissions.csv").open(newline="") as file:
        return {
            row["permission"]: frozenset(role for role in ROLES if row[role.lower()] == "yes")
            for row in csv.DictReader(file)
        }


MATRIX = _matrix()
"""Roles that have a permission, by permission."""


def permissions_of(role: str) -> list[str]:
    return [permission for permission, roles in MATRIX.items() if role in roles]
