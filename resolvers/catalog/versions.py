"""Order of versions by Semantic Versioning 2.0 (https://semver.org)."""

import re

_IDENTIFIER = r"(?:0|[1-9]\d{0,8}|\d*[a-zA-Z-][0-9a-zA-Z-]*)"
# Without build metadata, which has no place in the order.
VERSION = re.compile(
    r"(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})"
    rf"(?:-({_IDENTIFIER}(?:\.{_IDENTIFIER})*))?",
    re.ASCII,
)
_BUILD_METADATA = re.compile(r"\+[0-9a-zA-Z-]+(\.[0-9a-zA-Z-]+)*\Z")

VersionOrder = tuple[int, int, int, bool, tuple[tuple[int, int, str], ...]]


def version_order(version: str) -> VersionOrder:
    """Sorts versions as Semantic Versioning does: 1.0.0-rc.2 < 1.0.0-rc.10 < 1.0.0 < 1.10.0."""
    match = VERSION.fullmatch(version)
    if not match or len(version) > 64:
        raise ValueError("must be a semantic version such as 1.2.0 or 2.0.0-beta.1")
    major, minor, patch, prerelease = match.groups()
    identifiers = tuple(
        (0, int(part), "") if part.isdecimal() else (1, 0, part) for part in (prerelease or "").split(".")
    )
    return int(major), int(minor), int(patch), prerelease is None, identifiers


def is_newer(version: str, installed: str) -> bool | None:
    """Whether the version follows the installed one, of which build metadata is ignored. None where one of
    them is no semantic version."""
    try:
        return version_order(version) > version_order(_BUILD_METADATA.sub("", installed))
    except ValueError:
        return None
