"""GraphiQL's examples, page and bundle, without a browser."""

import gzip
import json
import re
from pathlib import Path

import httpx
import pytest
from graphql import OperationDefinitionNode, TokenKind, build_schema, parse, validate
from graphql.language import Lexer, Source
from starlette.applications import Starlette

from settings import Settings
from web.graphiql import EXAMPLES, STATIC_PATH, graphiql_response, static_routes

ROOT = Path(__file__).parents[2]
BUNDLE = ROOT / "web" / "static" / "graphiql"
SCRIPTS = sorted(path.name for path in BUNDLE.glob("*.js"))
# Some examples are comments, since they want an id that only the person can choose.
UNCOMMENTED = re.sub(r"^# (mutation .*|  .*|\})$", r"\1", EXAMPLES, flags=re.MULTILINE)


def test_examples_are_valid_by_the_schema() -> None:
    schema = build_schema((ROOT / "schema" / "schema.graphql").read_text(encoding="utf-8"))

    errors = validate(schema, parse(UNCOMMENTED))

    assert errors == []


def test_examples_want_no_variables_but_the_ones_filled_in() -> None:
    variables = [each for operation in operations(EXAMPLES) for each in operation.variable_definitions or ()]

    assert {each.variable.name.value for each in variables} == {"accountId", "themeId", "themeSlug"}


def test_examples_stay_within_the_limits_of_a_document() -> None:
    limits = Settings.model_fields

    lexer = Lexer(Source(UNCOMMENTED))
    tokens = sum(1 for _ in iter(lambda: lexer.advance().kind, TokenKind.EOF))
    root_fields = sum(len(operation.selection_set.selections) for operation in operations(UNCOMMENTED))

    # GraphiQL sends the whole document with each run; half is left for what a person adds to it.
    assert tokens < limits["max_tokens"].default / 2
    assert root_fields <= limits["max_aliases"].default


def test_page_holds_the_examples_as_data() -> None:
    variables = {"accountId": "</script><script>alert(1)</script>", "themeId": "<!--", "themeSlug": "é\u2028"}

    page = bytes(graphiql_response(variables, "Ada & <b>").body).decode()

    scripts = re.findall(r"<script([^>]*)>(.*?)</script>", page, flags=re.DOTALL)
    assert len(scripts) == 2
    assert scripts[0][1] == ""
    assert json.loads(scripts[1][1]) == {"query": EXAMPLES, "variables": variables, "signedInAs": "Ada & <b>"}
    assert "Signed in as Ada &amp; &lt;b&gt;" in page


def test_page_offers_to_sign_in() -> None:
    page = bytes(graphiql_response({}, None).body).decode()

    assert "You are not signed in" in page
    assert 'href="/sign-in"' in page


def test_page_is_kept_by_nobody_and_framed_by_nobody() -> None:
    headers = graphiql_response({}, None).headers

    policy = dict(each.split(" ", 1) for each in headers["content-security-policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["worker-src"] == policy["connect-src"] == "'self'"
    assert policy["frame-ancestors"] == policy["base-uri"] == policy["form-action"] == "'none'"
    assert headers["cache-control"] == "private, no-store"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-content-type-options"] == "nosniff"


async def test_page_loads_only_files_that_are_served_here() -> None:
    page = bytes(graphiql_response({}, None).body).decode().split('<script type="application/json"')[0]

    loaded = re.findall(r'<(?:script|link)[^>]* (?:src|href)="([^"]+)"', page)

    files = [url for url in loaded if url != "data:,"]
    assert len(files) >= 2
    for url in files:
        assert (await get(url)).status_code == 200


@pytest.mark.parametrize("name", SCRIPTS)
async def test_script_is_served_for_good_and_compressed(name: str) -> None:
    plain = await get(f"{STATIC_PATH}/{name}", **{"Accept-Encoding": "identity"})
    compressed = await get(f"{STATIC_PATH}/{name}", **{"Accept-Encoding": "gzip"})

    assert plain.content == compressed.content == (BUNDLE / name).read_bytes()
    assert "content-encoding" not in plain.headers
    assert compressed.headers["content-encoding"] == "gzip"
    for response in (plain, compressed):
        assert response.headers["content-type"].split(";")[0].endswith("/javascript")
        assert response.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert response.headers["vary"] == "Accept-Encoding"
        assert response.headers["x-content-type-options"] == "nosniff"


async def test_workers_are_served_where_the_page_looks_for_them() -> None:
    entry = json.loads((BUNDLE / "manifest.json").read_text(encoding="utf-8"))["src/main.jsx"]
    main = (BUNDLE / entry["file"]).read_text(encoding="utf-8")

    workers = re.findall(r"/[\w/.-]+\.worker-[\w-]+\.js", main)

    assert sorted(workers) == sorted(f"{STATIC_PATH}/{asset}" for asset in entry["assets"])
    for worker in workers:
        assert (await get(worker)).status_code == 200


@pytest.mark.parametrize(
    "path", ["", "/", "/none.js", "/../../graphiql.py", "/%2e%2e/%2e%2e/graphiql.py", "/a%00.js"]
)
async def test_nothing_else_is_served(path: str) -> None:
    response = await get(STATIC_PATH + path)

    assert response.status_code in (307, 404)


async def test_names_without_a_hash_are_asked_for_again() -> None:
    response = await get(f"{STATIC_PATH}/LICENSES.md")

    assert response.status_code == 200
    assert "cache-control" not in response.headers


@pytest.mark.parametrize("name", SCRIPTS)
def test_script_evaluates_no_text(name: str) -> None:
    assert not re.search(r"\beval\(|new Function\b", (BUNDLE / name).read_text(encoding="utf-8"))


def test_bundle_is_small() -> None:
    sizes = [len(path.read_bytes()) for path in BUNDLE.iterdir()]
    compressed = [len(gzip.compress(path.read_bytes(), 1)) for path in BUNDLE.glob("*.[jc]s*")]

    assert sum(sizes) < 8_000_000
    assert sum(compressed) < 2_500_000


def test_bundle_names_what_it_is_made_of_with_its_license() -> None:
    packages = json.loads((ROOT / "web" / "graphiql" / "package-lock.json").read_text())["packages"]
    licenses = (BUNDLE / "LICENSES.md").read_text(encoding="utf-8")

    assert all("resolved" not in package for package in packages.values())
    for name in ("graphiql", "graphql", "graphql-ws", "monaco-editor", "react", "react-dom"):
        assert f"## {name} - {packages[f'node_modules/{name}']['version']} (MIT)" in licenses


def operations(document: str) -> list[OperationDefinitionNode]:
    return [each for each in parse(document).definitions if isinstance(each, OperationDefinitionNode)]


async def get(url: str, **headers: str) -> httpx.Response:
    transport = httpx.ASGITransport(Starlette(routes=static_routes()))
    async with httpx.AsyncClient(transport=transport, base_url="http://team-access.test") as client:
        return await client.get(url, headers=headers)
