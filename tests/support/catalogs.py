"""A catalog folder for tests."""

import json
from pathlib import Path


def write_catalog(folder: Path, price: str = "49.00") -> None:
    """Writes two themes with one small file per release: `aurora` with two releases and `basalt` with one."""
    for slug, versions in (("aurora", ["1.0.0", "1.1.0"]), ("basalt", ["2.0.0"])):
        releases = []
        for version in versions:
            name = f"{slug}-{version}.zip"
            (folder / slug / version).mkdir(parents=True, exist_ok=True)
            (folder / slug / version / name).write_bytes(f"{slug} {version}".encode())
            releases.append(
                {"version": version, "releasedAt": "2026-01-01T00:00:00Z", "notes": "New.", "files": [name]}
            )
        document = {
            "slug": slug,
            "name": slug.title(),
            "summary": f"The {slug} theme.",
            "price": {"amount": price, "currency": "EUR"},
            "tags": ["test"],
            "publishedAt": "2026-01-01T00:00:00Z",
            "releases": releases,
        }
        (folder / slug / "theme.json").write_text(json.dumps(document))
