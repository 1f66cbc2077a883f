"""The demo's catalog: complete themes with the same bytes on each build."""

import hashlib
import io
import json
import os
import subprocess
import sys
import zipfile
from html.parser import HTMLParser
from pathlib import Path

import pytest

from demo.catalog import build_catalog
from models.storage import Storage
from resolvers.catalog.folder import FileSource, ThemeSource, read_catalog

ROOT = Path(__file__).parents[2]
UNPAIRED = {"input", "link", "meta"}


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("catalog")
    build_catalog(folder)
    return folder


def digests(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def archives(themes: list[ThemeSource]) -> list[tuple[ThemeSource, str, FileSource]]:
    return [
        (theme, release.version, file)
        for theme in themes
        for release in theme.releases
        for file in release.files
        if file.name.endswith(".zip")
    ]


def test_a_dozen_themes_of_one_to_three_releases(catalog: Path) -> None:
    themes = read_catalog(catalog)

    assert len(themes) == 12
    assert {theme.price_currency for theme in themes} == {"EUR"}
    assert {len(theme.releases) for theme in themes} == {1, 2, 3}
    assert {len(release.files) for theme in themes for release in theme.releases} == {1, 2}
    assert {theme.slug: theme.latest_version for theme in themes}["ledger"] == "1.0.0"
    assert len({file.sha256 for _, _, file in archives(themes)}) == len(archives(themes))


def test_every_build_has_the_same_bytes(catalog: Path, tmp_path: Path) -> None:
    building = (
        "import sys, pathlib; from demo.catalog import build_catalog as b; b(pathlib.Path(sys.argv[1]))"
    )
    elsewhere = {**os.environ, "TZ": "Asia/Kathmandu", "PYTHONHASHSEED": "7", "LC_ALL": "C"}

    subprocess.run(
        [sys.executable, "-c", building, tmp_path], cwd=ROOT, env=elsewhere, check=True, timeout=30
    )

    assert digests(tmp_path) == digests(catalog)


def test_a_build_over_a_broken_one_mends_it(catalog: Path, tmp_path: Path) -> None:
    build_catalog(tmp_path)
    (tmp_path / "kiln" / "theme.json").write_text("{")
    (tmp_path / "kiln" / "1.0.0" / "kiln-1.0.0.zip").write_bytes(b"half")

    build_catalog(tmp_path)

    assert digests(tmp_path) == digests(catalog)


class Page(HTMLParser):
    """What a page names and where it leads; raises where its elements do not close as they opened."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in UNPAIRED:
            self.open.append(tag)
        for name, value in attrs:
            if name == "id":
                self.ids.append(value or "")
            if name in ("href", "src"):
                self.links.append(value or "")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_every_archive_is_a_whole_theme(catalog: Path) -> None:
    for theme, version, file in archives(read_catalog(catalog)):
        with zipfile.ZipFile(io.BytesIO(file.path.read_bytes())) as archive:
            assert archive.testzip() is None
            contents = {
                name.removeprefix(f"{theme.slug}/"): archive.read(name).decode()
                for name in archive.namelist()
            }

        manifest = json.loads(contents["manifest.json"])
        assert (manifest["slug"], manifest["version"]) == (theme.slug, version)
        assert f"# {theme.name} {version}" in contents["README.md"]
        assert contents["style.css"].count("{") == contents["style.css"].count("}")
        assert not any(mark in text for text in contents.values() for mark in ("{{", "{%", "http:", "https:"))
        for name, text in contents.items():
            if name.endswith(".html"):
                page = Page(text)
                assert len(page.ids) == len(set(page.ids))
                targets = {*contents, *(f"#{one}" for one in page.ids)}
                assert set(page.links) <= targets


async def test_the_catalog_fits_into_the_store(catalog: Path, tmp_path: Path) -> None:
    storage = Storage(tmp_path.as_uri())
    files = [file for theme in read_catalog(catalog) for release in theme.releases for file in release.files]

    for file in files:
        await storage.put_file(file.path, file.sha256)

    for file in files:
        assert await storage.size(file.sha256) == file.size
        content = b"".join([piece async for piece in storage.stream(file.sha256)])
        assert content == file.path.read_bytes()
