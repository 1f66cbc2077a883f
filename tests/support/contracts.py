"""Contracts that tests are generated from: the permission matrix and the public API."""

import csv
from pathlib import Path

COPY = Path(__file__).parents[1] / "contract"
BESIDE = Path(__file__).parents[3] / "shared" / "contract"
"""Where the original lies, on machines that have it beside the project."""

CONTRACT = BESIDE if BESIDE.is_dir() else COPY
ROLES = ("ADMIN", "MEMBER", "VIEWER")


def _matrix() -> dict[str, frozenset[str]]:
    with (CONTRACT / "permissions.csv").open(newline="") as file:
        return {
            row["permission"]: frozenset(role for role in ROLES if row[role.lower()] == "yes")
            for row in csv.DictReader(file)
        }


MATRIX = _matrix()
"""The roles that have a permission."""


def permissions_of(role: str) -> list[str]:
    return [permission for permission, roles in MATRIX.items() if role in roles]
