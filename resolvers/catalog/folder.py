"""Reads and checks a folder of themes. docs/reference/catalog-folder.md describes the format."""

import hashlib
import json
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path, PurePath

from pydantic import ValidationError

from resolvers.catalog.theme_document import ReleaseDocument, ThemeDocument, explained, shown
from resolvers.catalog.versions import version_order

MAX_THEMES = 10_000
MAX_DOCUMENT_BYTES = 1 << 20
MAX_PROBLEMS = 1_000
MAX_PROBLEMS_SHOWN = 50
CHUNK_BYTES = 1 << 20
# Not the system's table, so that a file has the same type on every machine.
MEDIA_TYPES = {
    ".css": "text/css",
    ".gz": "application/gzip",
    ".html": "text/html",
    ".jpg": "image/jpeg",
    ".json": "application/json",
    ".md": "text/markdown",
    ".pdf": "application/pdf",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain",
    ".webp": "image/webp",
    ".zip": "application/zip",
}

Progress = Callable[[int, int], None]
"""Receives the number of bytes read and the total."""


@dataclass(frozen=True, slots=True)
class FileSource:
    name: str
    path: Path
    size: int
    sha256: str
    media_type: str


@dataclass(frozen=True, slots=True)
class ReleaseSource:
    version: str
    released_at: datetime
    notes: str | None
    files: tuple[FileSource, ...]


@dataclass(frozen=True, slots=True)
class ThemeSource:
    """Theme read from a folder. Times are in UTC; `releases` are ordered from the lowest version to the
    highest."""

    slug: str
    name: str
    summary: str
    price_amount: Decimal
    price_currency: str
    tags: tuple[str, ...]
    published_at: datetime
    withdrawn_at: datetime | None
    releases: tuple[ReleaseSource, ...]

    @property
    def latest_version(self) -> str:
        """Highest version that is not a prerelease, or the highest of all if there are only prereleases."""
        versions = [release.version for release in self.releases]
        return next((version for version in reversed(versions) if "-" not in version), versions[-1])


@dataclass(frozen=True, slots=True)
class Problem:
    """`path` is relative to the catalog's folder; `message` says what would be valid."""

    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}"


class CatalogInvalid(Exception):
    """All problems, at most MAX_PROBLEMS. As text, the first ones, one per line."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = tuple(problems)
        lines = [str(problem) for problem in problems[:MAX_PROBLEMS_SHOWN]]
        if len(problems) > len(lines):
            lines.append(f"… and {len(problems) - len(lines)} more problems")
        super().__init__("\n".join(lines))


def read_catalog(folder: Path, progress: Progress | None = None) -> list[ThemeSource]:
    """Themes in `folder`, by slug. Blocks while it reads every byte. Raises CatalogInvalid."""
    reading = _Reading(folder)
    drafts = reading.drafts()
    if not reading.problems:
        themes = reading.themes(drafts, progress)
    if reading.problems:
        raise CatalogInvalid(reading.problems)
    return themes


@dataclass(frozen=True, slots=True)
class _Draft:
    """Theme whose files were listed but not read yet: sizes by version and name."""

    document: ThemeDocument
    sizes: dict[tuple[str, str], int]


class _Reading:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.root = os.path.realpath(folder)
        self.problems: list[Problem] = []

    def drafts(self) -> list[_Draft]:
        drafts = []
        for name in self._theme_folders():
            document = self._document(self.folder / name)
            if document:
                drafts.append(_Draft(document, self._sizes(document)))
            if len(self.problems) >= MAX_PROBLEMS:
                break
        return drafts

    def themes(self, drafts: list[_Draft], progress: Progress | None) -> list[ThemeSource]:
        bytes_total = sum(size for draft in drafts for size in draft.sizes.values())
        bytes_done = 0

        def read(count: int) -> None:
            nonlocal bytes_done
            bytes_done += count
            if progress:
                progress(bytes_done, bytes_total)

        return [self._theme(draft, read) for draft in drafts]

    def _theme_folders(self) -> list[str]:
        try:
            with os.scandir(self.folder) as entries:
                names = []
                for entry in entries:
                    if entry.is_dir() and not entry.name.startswith("."):
                        names.append(entry.name)
                    if len(names) > MAX_THEMES:
                        self._add(self.folder, f"holds too many themes; at most {MAX_THEMES:,}")
                        return []
        except OSError as error:
            self._add(self.folder, f"cannot be read: {error.strerror}; it must be a folder of themes")
            return []
        if not names:
            self._add(self.folder, "holds no themes; each must be a folder with a theme.json in it")
        return sorted(names)

    def _document(self, theme_folder: Path) -> ThemeDocument | None:
        path = theme_folder / "theme.json"
        try:
            if self._size(path) > MAX_DOCUMENT_BYTES:
                raise ValueError(f"is too large; at most {MAX_DOCUMENT_BYTES:,} bytes")
            document = ThemeDocument.model_validate(_json_object(path.read_bytes()))
        except ValidationError as error:
            for message in explained(error):
                self._add(path, message)
            return None
        except (ValueError, OSError) as error:
            self._add(path, str(error))
            return None
        if document.slug != theme_folder.name:
            self._add(path, f"slug {document.slug} must be the folder's name, {shown(theme_folder.name)}")
            return None
        return document

    def _sizes(self, document: ThemeDocument) -> dict[tuple[str, str], int]:
        sizes = {}
        for index, release in enumerate(document.releases):
            for name in release.files:
                path = self.folder / document.slug / release.version / name
                try:
                    sizes[release.version, name] = self._size(path)
                except ValueError as error:
                    self._add(path, f"{error} (releases[{index}].files in theme.json names it)")
        return sizes

    def _size(self, path: Path) -> int:
        try:
            if not path.resolve(strict=True).is_relative_to(self.root):
                raise ValueError("is a link that leads out of the catalog; put the file itself there")
            status = path.stat()
        except FileNotFoundError:
            raise ValueError("is missing") from None
        except (OSError, RuntimeError) as error:  # RuntimeError: circular links
            raise ValueError(f"cannot be read: {getattr(error, 'strerror', error)}") from None
        if not stat.S_ISREG(status.st_mode):
            raise ValueError("must be a regular file")
        return status.st_size

    def _theme(self, draft: _Draft, read: Callable[[int], None]) -> ThemeSource:
        document = draft.document
        releases = sorted(document.releases, key=lambda release: version_order(release.version))
        return ThemeSource(
            slug=document.slug,
            name=document.name,
            summary=document.summary,
            price_amount=document.price.amount,
            price_currency=document.price.currency,
            tags=tuple(document.tags),
            published_at=document.published_at,
            withdrawn_at=document.withdrawn_at,
            releases=tuple(self._release(draft, release, read) for release in releases),
        )

    def _release(self, draft: _Draft, release: ReleaseDocument, read: Callable[[int], None]) -> ReleaseSource:
        folder = self.folder / draft.document.slug / release.version
        files = tuple(
            self._file(folder / name, draft.sizes[release.version, name], read) for name in release.files
        )
        return ReleaseSource(release.version, release.released_at, release.notes, files)

    def _file(self, path: Path, size: int, read: Callable[[int], None]) -> FileSource:
        digest, bytes_read = hashlib.sha256(), 0
        try:
            with path.open("rb") as file:
                while bytes_read <= size and (chunk := file.read(CHUNK_BYTES)):
                    digest.update(chunk)
                    bytes_read += len(chunk)
                    read(len(chunk))
        except OSError as error:
            self._add(path, f"cannot be read: {error.strerror}")
        else:
            if bytes_read != size:
                self._add(path, "changed while it was read; import the catalog once nothing writes to it")
        media_type = MEDIA_TYPES.get(path.suffix.lower(), "application/octet-stream")
        return FileSource(path.name, path, size, digest.hexdigest(), media_type)

    def _add(self, path: PurePath, message: str) -> None:
        if len(self.problems) >= MAX_PROBLEMS:
            return
        relative = path.relative_to(self.folder).as_posix() if path != self.folder else str(path)
        self.problems.append(Problem("/".join(map(shown, relative.split("/"))), message))


def _json_object(content: bytes) -> object:
    try:
        return json.loads(
            content.decode("utf-8-sig"),
            object_pairs_hook=_without_repeated_keys,
            parse_int=float,  # No value of the format is a number, and an integer of 5,000 digits raises.
        )
    except UnicodeDecodeError as error:
        raise ValueError(f"must be UTF-8; byte {error.start} is not") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"must be JSON: {error.msg} in line {error.lineno}") from None
    except RecursionError:
        raise ValueError("must be JSON that is not nested this deep") from None


def _without_repeated_keys(pairs: list[tuple[str, object]]) -> dict[str, object]:
    document: dict[str, object] = {}
    for key, value in pairs:
        if not key.isprintable():
            raise ValueError(f"{shown(key)} is no key of this format")
        if key in document:
            raise ValueError(f"must not repeat a key; {shown(key)} is there more than once")
        document[key] = value
    return document
