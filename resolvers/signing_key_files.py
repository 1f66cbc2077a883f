"""Signing keys that are generated for the embedded set-up and kept in DATA_DIR."""

import os
from pathlib import Path
from secrets import token_bytes, token_hex

from audit_proof.keys import encoded


def kept_signing_key(path: Path) -> str:
    """The key in the file, generated where there is none. It gets its name only once it is written
    completely, so that a killed process leaves no partial file."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f"{path.name}.{token_hex(8)}")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(encoded(token_bytes(32)))
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, path)
        except FileExistsError:
            pass  # Another process has created one in the meantime.
        finally:
            draft.unlink()
    return path.read_text()
