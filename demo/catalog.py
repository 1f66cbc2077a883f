"""Builder of the demo's catalog: a dozen small, complete website themes, from the sources in this folder."""

import io
import json
import zipfile
from datetime import datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

SOURCES = Path(__file__).parent / "catalog"
PAGES = {"contact.html": "contact"}
"""Pages that a release has if its features name them."""


def build_catalog(target: Path) -> None:
    """Writes the catalog to the folder `target`, replacing an existing one. The bytes are the same on every
    run and machine."""
    templates = Environment(
        loader=FileSystemLoader(SOURCES),
        autoescape=select_autoescape(["html"], default=False),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    for source in sorted((SOURCES / "themes").glob("*.json")):
        theme = json.loads(source.read_text(encoding="utf-8"))
        _build_theme(templates, target / source.stem, source.stem, theme)


def _build_theme(templates: Environment, folder: Path, slug: str, theme: dict[str, Any]) -> None:
    releases = []
    for index, release in enumerate(theme["releases"]):
        history = theme["releases"][index::-1]
        files = _release_files(templates, slug, theme, history)
        release_folder = folder / release["version"]
        release_folder.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            (release_folder / name).write_bytes(content)
        kept = {key: release[key] for key in ("version", "releasedAt", "notes")}
        releases.append({**kept, "files": list(files)})
    kept = {key: theme[key] for key in ("name", "summary", "price", "tags")}
    document = {"slug": slug, **kept, "publishedAt": releases[0]["releasedAt"], "releases": releases}
    (folder / "theme.json").write_bytes(_json(document))


def _release_files(
    templates: Environment, slug: str, theme: dict[str, Any], history: list[dict[str, Any]]
) -> dict[str, bytes]:
    """Files of a release, by name. `history` is that release and those before it, newest first."""
    release = history[0]
    version, features = release["version"], release["features"]
    values = {
        **theme,
        "slug": slug,
        "version": version,
        "history": history,
        "dark": "dark" in features,
        "contact": "contact" in features,
    }

    def rendered(template: str) -> bytes:
        return templates.get_template(template).render(values).encode()

    layout = f"layouts/{theme['layout']}"
    contents = {
        "README.md": rendered("shared/README.md"),
        "index.html": rendered(f"{layout}/index.html"),
        **{page: rendered(f"shared/{page}") for page, feature in PAGES.items() if feature in features},
        "manifest.json": _json({key: values[key] for key in ("slug", "name", "version", "summary", "tags")}),
        "style.css": rendered("shared/tokens.css")
        + rendered(f"{layout}/style.css")
        + rendered("shared/footer.css"),
    }
    files = {f"{slug}-{version}.zip": _zipped(slug, contents, datetime.fromisoformat(release["releasedAt"]))}
    if release["documentation"]:
        files["documentation.md"] = rendered("shared/documentation.md")
    return files


def _zipped(folder: str, contents: dict[str, bytes], moment: datetime) -> bytes:
    """ZIP archive without compression, because the output of deflate depends on the version of zlib."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, content in contents.items():
            entry = zipfile.ZipInfo(f"{folder}/{name}", moment.timetuple()[:6])
            entry.create_system = 3  # Unix on every system, so that the permissions are kept
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, content)
    return buffer.getvalue()


def _json(document: object) -> bytes:
    return (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode()
