"""Contracts that tests are generated from: the permission matrix and the public API."""

import csv
import re
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


def _scopes() -> dict[str, frozenset[str]]:
    text = (CONTRACT / "schema.graphql").read_text()
    described = text[: text.index("enum ApiScope")].rpartition("Which of the member's permissions")[2]
    return {
        scope: frozenset(re.findall(r"[A-Z_]{4,}", permissions)) & MATRIX.keys()
        for scope, permissions in re.findall(r"([A-Z]+): ([^.]+)\.", described)
    }


SCOPES = _scopes()
"""Permissions that a scope of API keys carries, by scope; none for READ, which opens what reads."""
