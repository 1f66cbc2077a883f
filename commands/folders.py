"""The local folders that a configuration needs, looked at before anything is served."""

import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

from commands.running import CommandError
from settings import Settings


def require_folders(settings: Settings) -> None:
    """Makes those that are not there yet. Raises CommandError where one cannot be written."""
    for name, folder in _needed(settings):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if not os.access(folder, os.W_OK | os.X_OK):
                raise PermissionError(f"no permission to write in {folder}")
        except OSError as error:
            reason = error.strerror or str(error)
            raise CommandError(
                f"{name}: {folder} cannot be used ({reason}). Set {name} to a folder that may be written."
            ) from None


def _needed(settings: Settings) -> Iterator[tuple[str, Path]]:
    """The embedded PostgreSQL makes its own, inside DATA_DIR."""
    if settings.smtp_url is None:
        yield "DATA_DIR", settings.data_dir
    parts = urlsplit(settings.storage_url)
    if parts.scheme == "file":
        folder = Path(unquote(parts.path))
        inside = folder.is_relative_to(settings.data_dir.resolve())
        yield "DATA_DIR" if inside else "STORAGE_URL", folder
