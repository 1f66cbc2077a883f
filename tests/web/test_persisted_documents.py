"""Persisted documents and automatic persisted queries, over HTTP and WebSockets."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from tests.support.forked_commands import outcome
from tests.support.graphql_ws import connected
from tests.support.keys import generated
from tests.support.limited import limited
from tests.support.world import World
from web.persisted_documents import ManifestError, PersistedDocuments

VIEWER = "query Viewer { viewer { user { email } } }"
THEMES = "query Themes($first: Int!) { catalog(first: $first) { totalCount } }"
MANIFEST = {"viewer-1": VIEWER, "themes-1": THEMES}


def hash_of(text: str) -> dict[str, Any]:
    return {"persistedQuery": {"version": 1, "sha256Hash": sha256(text.encode()).hexdigest()}}


def codes(body: dict[str, Any]) -> list[str]:
    return [error["extensions"]["code"] for error in body["errors"]]


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    path = tmp_path / "persisted.json"
    path.write_text(json.dumps(MANIFEST))
    return path


@asynccontextmanager
async def with_documents(world: World, manifest: Path, **settings: Any) -> AsyncIterator[World]:
    async with limited(world, document_manifests=(manifest,), **settings) as (there, _):
        yield there


async def post(world: World, body: Any, token: str | None = None) -> Any:
    headers = {"authorization": f"Bearer {token or world.admin.token}"}
    return (await world.http.post("/graphql", json=body, headers=headers)).json()


async def test_a_document_is_executed_by_its_id(world: World, manifest: Path) -> None:
    async with with_documents(world, manifest) as there:
        by_id = await post(there, {"documentId": "viewer-1"})
        assert by_id["data"] == {"viewer": {"user": {"email": world.admin.email}}}
        counted = await post(there, {"documentId": "themes-1", "variables": {"first": 0}})
        assert counted["data"]["catalog"]["totalCount"] >= 0
        assert codes(await post(there, {"documentId": "themes-1"})) == ["BAD_USER_INPUT"]
        batch = await post(there, [{"documentId": "viewer-1"}, {"query": VIEWER}])
        assert batch == [by_id | {"extensions": each["extensions"]} for each in batch]
        got = await there.http.get(
            "/graphql",
            params={"documentId": "viewer-1"},
            headers={"authorization": f"Bearer {world.admin.token}"},
        )
        assert got.json()["data"] == by_id["data"]


async def test_an_unknown_id_is_refused_and_recorded(world: World, manifest: Path) -> None:
    async with with_documents(world, manifest) as there:
        _, secret = await generated(world)
        body = await post(there, {"documentId": "viewer-2"}, secret)
        assert codes(body) == ["PERSISTED_DOCUMENT_NOT_FOUND"]
        assert "DOCUMENT_MANIFESTS" in body["errors"][0]["message"]
        call = (await world.events())[0]
        assert (call["action"], call["details"]["errorCodes"]) == (
            "API_CALLED",
            ["PERSISTED_DOCUMENT_NOT_FOUND"],
        )


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"documentId": 1}, "`documentId` must be a string of 1 to 200 characters."),
        ({"documentId": ""}, "`documentId` must be a string of 1 to 200 characters."),
        ({"documentId": "x" * 201}, "`documentId` must be a string of 1 to 200 characters."),
        ({"documentId": "viewer-1", "query": VIEWER}, "`documentId` takes the place of `query`"),
        ({"documentId": "viewer-1", "extensions": hash_of(VIEWER)}, "`documentId` takes the place of"),
        ({"extensions": {"persistedQuery": 1}}, "must have `version` 1 and `sha256Hash`"),
        ({"extensions": {"persistedQuery": {"version": 2, "sha256Hash": "0" * 64}}}, "must have `version` 1"),
        ({"extensions": {"persistedQuery": {"version": 1, "sha256Hash": "0" * 63}}}, "must have `version` 1"),
        ({"extensions": {"persistedQuery": {"version": 1, "sha256Hash": "é" * 64}}}, "must have `version` 1"),
        ({"extensions": []}, "`extensions` must be an object or null."),
        ({"extensions": {}}, "`query` must be a string, and is required without a `documentId`."),
    ],
)
async def test_a_malformed_request_is_refused(world: World, body: Any, says: str) -> None:
    refused = await post(world, body)
    assert codes(refused) == ["BAD_REQUEST"]
    assert says in refused["errors"][0]["message"]


async def test_an_automatic_persisted_query_is_sent_once(world: World) -> None:
    """As Apollo Client and others negotiate it."""
    text = VIEWER.replace("Viewer", "Negotiated")
    unknown = await post(world, {"extensions": hash_of(text)})
    assert unknown["errors"][0]["message"] == "PersistedQueryNotFound"
    assert codes(unknown) == ["PERSISTED_QUERY_NOT_FOUND"]
    sent = await post(world, {"query": text, "extensions": hash_of(text)})
    again = await post(world, {"extensions": hash_of(text)})
    assert sent["data"] == again["data"] == {"viewer": {"user": {"email": world.admin.email}}}


async def test_a_wrong_hash_and_an_invalid_document_are_not_kept(world: World) -> None:
    text, invalid = VIEWER.replace("Viewer", "Wrong"), "query Invalid { nothing }"
    refused = await post(world, {"query": text, "extensions": hash_of(VIEWER)})
    assert codes(refused) == ["BAD_USER_INPUT"]
    assert "is not the SHA-256 of `query`" in refused["errors"][0]["message"]
    assert codes(await post(world, {"query": invalid, "extensions": hash_of(invalid)})) == [
        "GRAPHQL_VALIDATION_FAILED"
    ]
    for each in (text, invalid):
        assert codes(await post(world, {"extensions": hash_of(each)})) == ["PERSISTED_QUERY_NOT_FOUND"]


async def test_only_persisted_documents_are_executed_where_a_setting_says_so(
    world: World, manifest: Path
) -> None:
    _, secret = await generated(world)
    other = "{ viewer { user { name } } }"
    async with with_documents(world, manifest, documents="persisted") as there:
        refused = await post(there, {"query": other})
        assert codes(refused) == ["PERSISTED_DOCUMENT_REQUIRED"]
        assert "data" not in refused
        assert codes(await post(there, {"query": other, "extensions": hash_of(other)})) == [
            "PERSISTED_DOCUMENT_REQUIRED"
        ]
        assert "errors" not in await post(there, {"documentId": "viewer-1"})
        assert "errors" not in await post(there, {"query": VIEWER})
        assert "errors" not in await post(there, {"query": other}, secret)
    async with with_documents(world, manifest, api_key_documents="persisted") as there:
        assert codes(await post(there, {"query": other}, secret)) == ["PERSISTED_DOCUMENT_REQUIRED"]
        assert "errors" not in await post(there, {"documentId": "viewer-1"}, secret)
        assert "errors" not in await post(there, {"query": other})


async def test_websockets_take_ids_and_hashes(world: World, manifest: Path) -> None:
    async with with_documents(world, manifest, documents="persisted") as there:
        url = str(there.http.base_url)
        async with connected(url, world.admin.token) as socket:
            by_id = await socket.send({"documentId": "viewer-1"})
            assert await by_id.next() == {"user": {"email": world.admin.email}}
            for payload, code in (
                ({"documentId": "viewer-2"}, "PERSISTED_DOCUMENT_NOT_FOUND"),
                ({"query": "{ viewer { user { name } } }"}, "PERSISTED_DOCUMENT_REQUIRED"),
                ({"extensions": hash_of("{ __typename }")}, "PERSISTED_QUERY_NOT_FOUND"),
            ):
                refused = await socket.send(payload)
                assert [extensions["code"] for extensions in await refused.ended()] == [code]


def test_manifests_are_checked_when_they_are_read(tmp_path: Path, manifest: Path) -> None:
    other, broken = tmp_path / "other.json", tmp_path / "broken.json"
    other.write_text(json.dumps({"viewer-1": THEMES}))
    broken.write_text("[1]")
    assert PersistedDocuments([manifest, manifest]).by_id == MANIFEST
    for paths, says in (
        ([manifest, other], "another manifest has a different document with the id viewer-1"),
        ([broken], "must be a JSON object from ids to the texts"),
        ([tmp_path / "missing.json"], "No such file"),
    ):
        with pytest.raises(ManifestError, match=says):
            PersistedDocuments(paths)


def test_the_command_lists_operations(tmp_path: Path, manifest: Path) -> None:
    code, out, _ = outcome(tmp_path, "documents", "--json", DOCUMENT_MANIFESTS=str(manifest), CONSOLE="off")
    assert code == 0
    assert json.loads(out) == [
        {"id": "viewer-1", "operation": "Viewer", "type": "query"},
        {"id": "themes-1", "operation": "Themes", "type": "query"},
    ]


def test_the_command_names_documents_that_do_not_fit_the_schema(tmp_path: Path, manifest: Path) -> None:
    manifest.write_text(json.dumps({**MANIFEST, "old-1": "{ gone }"}))
    code, out, err = outcome(tmp_path, "documents", DOCUMENT_MANIFESTS=str(manifest), CONSOLE="off")
    assert code == 1
    assert "viewer-1" in out
    assert "old-1: Cannot query field 'gone' on type 'Query'." in err


def test_the_server_does_not_start_with_a_broken_manifest(tmp_path: Path) -> None:
    code, _, err = outcome(tmp_path, "serve", DOCUMENT_MANIFESTS=str(tmp_path / "missing.json"))
    assert code == 1
    assert f"DOCUMENT_MANIFESTS: {tmp_path}/missing.json: No such file or directory." in err
