"""The catalog folder is read exactly, and each mistake in it is reported."""

import hashlib
import json
import os
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from resolvers.catalog.folder import CatalogInvalid, FileSource, read_catalog
from resolvers.catalog.versions import version_order

Document = dict[str, Any]


def a_document(slug: str = "aurora") -> Document:
    return {
        "slug": slug,
        "name": "Aurora",
        "summary": "A quiet theme for studios.",
        "price": {"amount": "49.00", "currency": "EUR"},
        "tags": ["portfolio", "dark-mode"],
        "publishedAt": "2026-03-05T10:00:00+01:00",
        "releases": [
            {
                "version": "1.10.0",
                "releasedAt": "2026-04-05T09:00:00Z",
                "notes": "Wider grid.\nFaster.",
                "files": ["aurora.zip", "Anleitung für Ä.txt"],
            },
            {"version": "2.0.0-beta.1", "releasedAt": "2026-05-05T09:00:00Z", "files": ["aurora.zip"]},
            {"version": "1.9.0", "releasedAt": "2026-03-05T09:00:00Z", "files": ["aurora.zip"]},
        ],
    }


def write_theme(catalog: Path, document: Document, folder: str | None = None) -> Path:
    theme = catalog / (folder or document["slug"])
    theme.mkdir(parents=True)
    (theme / "theme.json").write_text(json.dumps(document))
    for release in document["releases"]:
        (theme / release["version"]).mkdir()
        for name in release["files"]:
            (theme / release["version"] / name).write_text(f"{release['version']} {name}")
    return theme


def problems(catalog: Path) -> list[str]:
    with pytest.raises(CatalogInvalid) as invalid:
        read_catalog(catalog)
    return [str(problem) for problem in invalid.value.problems]


@pytest.fixture
def theme(tmp_path: Path) -> Path:
    return write_theme(tmp_path, a_document())


def test_a_theme_is_read_exactly(tmp_path: Path, theme: Path) -> None:
    [aurora] = read_catalog(tmp_path)

    assert (aurora.slug, aurora.name, aurora.summary) == ("aurora", "Aurora", "A quiet theme for studios.")
    assert (aurora.price_amount, aurora.price_currency) == (Decimal("49.00"), "EUR")
    assert aurora.tags == ("portfolio", "dark-mode")
    assert aurora.published_at == datetime(2026, 3, 5, 9, tzinfo=UTC)
    assert aurora.withdrawn_at is None
    assert [release.version for release in aurora.releases] == ["1.9.0", "1.10.0", "2.0.0-beta.1"]
    assert aurora.latest_version == "1.10.0"
    assert aurora.releases[1].notes == "Wider grid.\nFaster."
    assert aurora.releases[0].notes is None
    content = "1.10.0 Anleitung für Ä.txt".encode()
    assert aurora.releases[1].files[1] == FileSource(
        name="Anleitung für Ä.txt",
        path=theme / "1.10.0" / "Anleitung für Ä.txt",
        size=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        media_type="text/plain",
    )
    assert aurora.releases[1].files[0].media_type == "application/zip"


def test_a_catalog_read_twice_is_equal_and_sorted(tmp_path: Path) -> None:
    for slug in ("zephyr", "aurora", "meadow"):
        write_theme(tmp_path, a_document(slug))

    once, again = read_catalog(tmp_path), read_catalog(tmp_path)

    assert once == again
    assert [theme.slug for theme in once] == ["aurora", "meadow", "zephyr"]


def test_progress_ends_at_all_bytes(tmp_path: Path, theme: Path) -> None:
    (theme / "1.9.0" / "aurora.zip").write_bytes(bytes(3_000_000))
    size = sum(path.stat().st_size for path in theme.rglob("*") if path.is_file())
    told: list[tuple[int, int]] = []

    read_catalog(tmp_path, progress=lambda done, total: told.append((done, total)))

    all_bytes = size - (theme / "theme.json").stat().st_size
    assert told == sorted(told)
    assert {total for _, total in told} == {all_bytes}
    assert told[-1] == (all_bytes, all_bytes)
    assert len(told) >= 6


def test_what_does_not_belong_to_a_theme_is_left_alone(tmp_path: Path, theme: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / "README.md").write_text("Ours.")
    (theme / "drafts").mkdir()

    assert len(read_catalog(tmp_path)) == 1


def test_links_within_the_catalog_are_followed(tmp_path: Path, theme: Path) -> None:
    (theme / "1.9.0" / "aurora.zip").unlink()
    (theme / "1.9.0" / "aurora.zip").symlink_to("../1.10.0/aurora.zip")

    assert read_catalog(tmp_path)[0].releases[0].files[0].size == len("1.10.0 aurora.zip")


def test_only_prereleases_have_a_latest_one(tmp_path: Path) -> None:
    document = a_document()
    document["releases"] = [
        {"version": version, "releasedAt": "2026-03-05T09:00:00Z", "files": ["a.zip"]}
        for version in ("1.0.0-rc.2", "1.0.0-rc.10", "1.0.0-beta")
    ]
    write_theme(tmp_path, document)

    assert read_catalog(tmp_path)[0].latest_version == "1.0.0-rc.10"


def test_versions_sort_as_semantic_versioning_says() -> None:
    before_1_0_0 = ["1", "2", "10", "alpha", "alpha.1", "alpha.beta", "beta", "beta.2", "beta.11", "rc.1"]
    prereleases = [f"1.0.0-{prerelease}" for prerelease in before_1_0_0]
    in_order = ["0.9.9", *prereleases, "1.0.0", "1.0.1", "1.2.0", "1.10.0", "10.0.0"]
    shuffled = in_order[::-1]

    assert sorted(shuffled, key=version_order) == in_order


def changed(path: str, value: object) -> Callable[[Document], None]:
    """Sets what is at `path`, such as releases.0.version; the value DROP takes the key away."""

    def change(document: Document) -> None:
        *above, last = (int(part) if part.isdecimal() else part for part in path.split("."))
        place: Any = document
        for part in above:
            place = place[part]
        if value is DROP:
            del place[last]
        else:
            place[last] = value

    return change


DROP = object()
NOT_A_SLUG = "must be lower-case letters and digits, single hyphens between; at most"
NOT_A_VERSION = "releases[0].version must be a semantic version such as 1.2.0 or 2.0.0-beta.1"
NOT_A_TIME = "must be a time with its offset, 1990 to 2100, such as 2026-03-05T09:00Z"
NOT_A_CURRENCY = "price.currency must be the three capital letters of a currency, such as EUR"
A_RELEASE = {"releasedAt": "2026-03-05T09:00:00Z", "files": ["aurora.zip"]}

WRONG_DOCUMENTS: list[tuple[str, object, str]] = [
    ("sumary", "x", "sumary is no key of this format; did you mean summary?"),
    ("price.vat", "x", "price.vat is no key of this format; the keys are amount, currency"),
    ("releases.0.note", "x", "releases[0].note is no key of this format; did you mean notes?"),
    ("\x1b[31m", "x", "\\x1b[31m is no key of this format"),
    ("\ud800", "x", "\\ud800 is no key of this format"),
    ("name", DROP, "name is missing"),
    ("price", DROP, "price is missing"),
    ("releases.1.files", DROP, "releases[1].files is missing"),
    ("name", 7, "name must be a string"),
    ("name", "", "name must be 1 to 100 characters without spaces around them"),
    ("name", "x" * 101, "name must be 1 to 100 characters"),
    ("name", " Aurora", "name must be 1 to 100 characters without spaces around them"),
    ("name", "Au\x00rora", "name must be text without control characters"),
    ("name", "Au\nrora", "name must be text without control characters"),
    ("name", "\ud800", "name must be text without control characters"),
    ("summary", "x" * 501, "summary must be 1 to 500 characters"),
    ("releases.0.notes", "x" * 5001, "releases[0].notes must be 1 to 5000 characters"),
    ("slug", "Aurora", f"slug {NOT_A_SLUG} 60"),
    ("slug", "au--rora", f"slug {NOT_A_SLUG} 60"),
    ("slug", "a" * 61, f"slug {NOT_A_SLUG} 60"),
    ("slug", "aurora\n", f"slug {NOT_A_SLUG} 60"),
    ("slug", "borealis", "slug borealis must be the folder's name, aurora"),
    ("tags", "dark", "tags must be a list"),
    ("tags.0", "Dark Mode", f"tags[0] {NOT_A_SLUG} 40"),
    ("tags", ["a", "b", "a"], "tags must name each tag once; a is there again"),
    ("tags", [f"t{number}" for number in range(21)], "tags has too many entries; at most 20"),
    ("price", "49.00", "price must be an object"),
    ("price.amount", 49.0, 'price.amount must be a string such as "49.00"'),
    ("price.amount", "-1.00", 'price.amount must not be negative; 0 or more, such as "49.00"'),
    ("price.amount", "1.005", 'price.amount must have at most two decimals, such as "49.00"'),
    ("price.amount", "1e3", "price.amount must be a decimal number below a billion"),
    ("price.amount", "NaN", "price.amount must be a decimal number below a billion"),
    ("price.amount", "1" * 10, "price.amount must be a decimal number below a billion"),
    ("price.amount", "٣", "price.amount must be a decimal number below a billion"),
    ("price.currency", "eur", NOT_A_CURRENCY),
    ("price.currency", "EURO", NOT_A_CURRENCY),
    ("price.currency", "€", NOT_A_CURRENCY),
    ("publishedAt", "2026-03-05", f"publishedAt {NOT_A_TIME}"),
    ("publishedAt", "2026-03-05T09:00:00", f"publishedAt {NOT_A_TIME}"),
    ("publishedAt", "2026-02-30T09:00:00Z", f"publishedAt {NOT_A_TIME}"),
    ("publishedAt", 1772701200, f"publishedAt {NOT_A_TIME}"),
    ("publishedAt", "0001-01-01T00:00:00+14:00", f"publishedAt {NOT_A_TIME}"),
    ("withdrawnAt", True, f"withdrawnAt {NOT_A_TIME}"),
    ("releases.0.releasedAt", "soon", f"releases[0].releasedAt {NOT_A_TIME}"),
    ("releases", [], "releases has too few entries; at least 1"),
    (
        "releases",
        [{"version": f"1.{minor}.0", **A_RELEASE} for minor in range(101)],
        "releases has too many entries; at most 100",
    ),
    (
        "releases",
        [{"version": "1.9.0", **A_RELEASE}] * 2,
        "releases must name each version once; 1.9.0 is there again",
    ),
    ("releases.0.version", "1.2", NOT_A_VERSION),
    ("releases.0.version", "v1.2.0", NOT_A_VERSION),
    ("releases.0.version", "01.2.0", NOT_A_VERSION),
    ("releases.0.version", "1.2.0-01", NOT_A_VERSION),
    ("releases.0.version", "1.2.0-", NOT_A_VERSION),
    ("releases.0.version", "1.2.0+5", NOT_A_VERSION),
    ("releases.0.version", "1.2.0\n", NOT_A_VERSION),
    ("releases.0.version", f"1.2.{'9' * 5000}", NOT_A_VERSION),
    ("releases.0.version", f"1.2.0-{'a' * 60}", NOT_A_VERSION),
    ("releases.0.version", "../1.2.0", NOT_A_VERSION),
    ("releases.0.files", [], "releases[0].files has too few entries; at least 1"),
    (
        "releases.0.files",
        [f"{number}.zip" for number in range(51)],
        "releases[0].files has too many entries; at most 50",
    ),
    (
        "releases.0.files",
        ["aurora.zip", "Aurora.ZIP"],
        "releases[0].files must name each file once; aurora.zip is there again",
    ),
    ("releases.0.files.0", "../secret.zip", "releases[0].files[0] must not lead out of the release's folder"),
    ("releases.0.files.0", "a/../../b.zip", "releases[0].files[0] must not lead out of the release's folder"),
    ("releases.0.files.0", "..", "releases[0].files[0] must not lead out of the release's folder"),
    ("releases.0.files.0", "..\\b.zip", "releases[0].files[0] must not lead out of the release's folder"),
    ("releases.0.files.0", "/etc/passwd", "releases[0].files[0] must not be an absolute path"),
    ("releases.0.files.0", "C:\\b.zip", "releases[0].files[0] must not be an absolute path"),
    ("releases.0.files.0", "a/b.zip", "releases[0].files[0] must be a file's name alone, without folders"),
    ("releases.0.files.0", "a\nb.zip", "releases[0].files[0] must not have '\\n' in it; letters, digits,"),
    ("releases.0.files.0", 'a"b.zip', "releases[0].files[0] must not have '\"' in it"),
    ("releases.0.files.0", "a\u202egpj.zip", "releases[0].files[0] must not have '\\u202e' in it"),
    ("releases.0.files.0", "a\x00.zip", "releases[0].files[0] must not have '\\x00' in it"),
    ("releases.0.files.0", ".htaccess", "releases[0].files[0] must be 1 to 200 bytes, neither starting"),
    ("releases.0.files.0", "a.zip ", "releases[0].files[0] must be 1 to 200 bytes, neither starting"),
    ("releases.0.files.0", "ä" * 101, "releases[0].files[0] must be 1 to 200 bytes"),
    ("releases.0.files.0", "", "releases[0].files[0] must be 1 to 200 bytes"),
]


@pytest.mark.parametrize(
    ("path", "value", "told"), WRONG_DOCUMENTS, ids=[ascii(told)[1:60] for _, _, told in WRONG_DOCUMENTS]
)
def test_a_wrong_document_is_told(theme: Path, path: str, value: object, told: str) -> None:
    document = a_document()
    changed(path, value)(document)
    (theme / "theme.json").write_text(json.dumps(document))

    [problem] = problems(theme.parent)

    assert problem.startswith("aurora/theme.json: ")
    assert told in problem
    assert problem.isprintable()


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "must be JSON: Expecting value in line 1"),
        (b'{\n"slug": }', "must be JSON: Expecting value in line 2"),
        (b'{"slug": "caf\xe9"}', "must be UTF-8; byte 13 is not"),
        (b"[" * 100_000, "must be JSON that is not nested this deep"),
        (b"9" * 5_000, "must be an object with the keys of this format"),
        (b"null", "must be an object with the keys of this format"),
        (b'{"slug": "a", "slug": "b"}', "must not repeat a key; slug is there more than once"),
        (b" " * (1 << 20) + b"{}", "is too large; at most 1,048,576 bytes"),
    ],
    ids=["empty", "syntax", "latin-1", "deep", "huge number", "null", "repeated key", "large"],
)
def test_a_file_that_is_no_document_is_told(theme: Path, content: bytes, told: str) -> None:
    (theme / "theme.json").write_bytes(content)

    assert problems(theme.parent) == [f"aurora/theme.json: {told}"]


def test_a_document_of_one_mebibyte_with_a_byte_order_mark_is_read(theme: Path) -> None:
    content = b"\xef\xbb\xbf" + json.dumps(a_document()).encode()
    (theme / "theme.json").write_bytes(content + b" " * ((1 << 20) - len(content)))

    assert len(read_catalog(theme.parent)) == 1


def no_file(path: Path) -> None:
    path.unlink()


def a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def a_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def a_link_out(path: Path) -> None:
    path.unlink()
    path.symlink_to("/etc/hostname")


def a_dead_link(path: Path) -> None:
    path.unlink()
    path.symlink_to("nowhere")


def a_link_to_itself(path: Path) -> None:
    path.unlink()
    path.symlink_to(path.name)


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (no_file, "is missing"),
        (a_folder, "must be a regular file"),
        (a_pipe, "must be a regular file"),
        (a_link_out, "is a link that leads out of the catalog; put the file itself there"),
        (a_dead_link, "is missing"),
        (a_link_to_itself, "cannot be read: "),
    ],
)
def test_a_wrong_file_is_told(theme: Path, spoil: Callable[[Path], None], told: str) -> None:
    spoil(theme / "1.10.0" / "aurora.zip")

    [problem] = problems(theme.parent)

    assert problem.startswith(f"aurora/1.10.0/aurora.zip: {told}")
    assert problem.endswith(" (releases[0].files in theme.json names it)")


@pytest.mark.parametrize("spoil", [no_file, a_folder, a_pipe, a_link_out, a_dead_link, a_link_to_itself])
def test_a_document_that_is_no_file_is_told(theme: Path, spoil: Callable[[Path], None]) -> None:
    spoil(theme / "theme.json")

    [problem] = problems(theme.parent)

    assert problem.startswith("aurora/theme.json: ")


def test_a_folder_linked_from_elsewhere_is_told(tmp_path: Path, theme: Path) -> None:
    catalog = tmp_path / "catalog"
    catalog.mkdir()
    (catalog / "aurora").symlink_to(theme)

    [problem] = problems(catalog)

    assert problem == "aurora/theme.json: is a link that leads out of the catalog; put the file itself there"


def test_a_file_that_grows_while_it_is_read_is_told(theme: Path) -> None:
    growing = theme / "1.10.0" / "aurora.zip"

    def grow(_done: int, _total: int) -> None:
        with growing.open("a") as file:
            file.write("more")

    with pytest.raises(CatalogInvalid, match=r"aurora/1\.10\.0/aurora\.zip: changed while it was read"):
        read_catalog(theme.parent, progress=grow)


def test_a_file_that_goes_away_while_others_are_read_is_told(theme: Path) -> None:
    def remove(_done: int, _total: int) -> None:
        (theme / "1.10.0" / "aurora.zip").unlink(missing_ok=True)

    with pytest.raises(CatalogInvalid, match=r"aurora/1\.10\.0/aurora\.zip: cannot be read: No such file"):
        read_catalog(theme.parent, progress=remove)


def test_every_problem_is_told(tmp_path: Path) -> None:
    first = a_document("aurora")
    first["price"]["amount"] = "-1"
    first["tags"] = ["A"]
    write_theme(tmp_path, first)
    second = write_theme(tmp_path, a_document("borealis"))
    (second / "1.9.0" / "aurora.zip").unlink()
    (second / "1.10.0" / "aurora.zip").unlink()
    write_theme(tmp_path, a_document("aurora"), folder="cirrus")

    told = problems(tmp_path)

    assert [problem.split(":")[0] for problem in told] == [
        "aurora/theme.json",
        "aurora/theme.json",
        "borealis/1.10.0/aurora.zip",
        "borealis/1.9.0/aurora.zip",
        "cirrus/theme.json",
    ]


def test_a_thousand_problems_are_enough(tmp_path: Path, theme: Path) -> None:
    (theme / "theme.json").write_text(json.dumps({f"key{number}": 1 for number in range(2_000)}))

    with pytest.raises(CatalogInvalid) as invalid:
        read_catalog(tmp_path)

    assert len(invalid.value.problems) == 1_000
    assert str(invalid.value).splitlines()[-1] == "… and 950 more problems"


def test_ten_thousand_themes_are_enough(tmp_path: Path) -> None:
    for number in range(10_001):
        (tmp_path / str(number)).mkdir()

    assert problems(tmp_path) == [f"{tmp_path}: holds too many themes; at most 10,000"]


def test_a_folder_that_is_no_catalog_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    assert problems(tmp_path) == [
        f"{tmp_path}: holds no themes; each must be a folder with a theme.json in it"
    ]
    assert problems(tmp_path / "absent") == [
        f"{tmp_path}/absent: cannot be read: No such file or directory; it must be a folder of themes"
    ]
    assert problems(tmp_path / "file") == [
        f"{tmp_path}/file: cannot be read: Not a directory; it must be a folder of themes"
    ]


def test_a_folder_with_an_odd_name_is_told_legibly(tmp_path: Path) -> None:
    os.mkdir(os.fsencode(tmp_path) + b"/a\xff\x1b")

    assert problems(tmp_path) == ["a\\udcff\\x1b/theme.json: is missing"]
