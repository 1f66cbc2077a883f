"""Check of the local folders that the settings name, before the server starts."""

import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

from commands.running import CommandError
from settings import Settings


def require_folders(settings: Settings) -> None:
    """Creates missing folders. Raises CommandError where one is not writable."""
    for name, folder in _required(settings):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if not os.access(folder, os.W_OK | os.X_OK):
                raise PermissionError(f"no permission to write in {folder}")
        except OSError as error:
            reason = error.strerror or str(error)
            raise CommandError(
                f"{name}: {folder} cannot be used ({reason}). Set {name} to a writable folder."
            ) from None


def _required(settings: Settings) -> Iterator[tuple[str, Path]]:
    """The folders, each with its setting; the embedded PostgreSQL creates its own in DATA_DIR."""
    if settings.smtp_url is None:
        yield "DATA_DIR", settings.data_dir
    parts = urlsplit(settings.storage_url)
    if parts.scheme == "file":
        folder = Path(unquote(parts.path))
        inside = folder.is_relative_to(settings.data_dir.resolve())
        yield "DATA_DIR" if inside else "STORAGE_URL", folder
