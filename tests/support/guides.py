"""Runs the examples of a documentation page in their order and compares the shown answers with the real ones.

A `graphql` block is an operation. The demo's Admin sends it, or the person that the block names
(`graphql as=bob`; `as=key` is the API key that was shown last). The value of a variable such as `$memberId`
is the first id of that type in the newest answer that has one; `$token` is the token in the newest email. A
`json` block right after it is the answer. The commands of a `console` block run in bash; an assignment gets
the value from the real answer, at the place where the page shows the assigned value.
"""

import asyncio
import json
import os
import re
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from graphql import OperationDefinitionNode, parse

from tests.support.world import Person

ROOT = Path(__file__).parents[2]
GUIDES = [ROOT / "README.md", *sorted((ROOT / "docs" / "guide").glob("*.md"))]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])

_BLOCK = re.compile(r"^```(\w+)(?: as=(\w+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_ID = re.compile(r"([a-z_]+)_[0-9a-f]{32}")
_VARYING = {
    "id": re.compile(r"\b[a-z_]+_[0-9a-f]{32}\b"),
    "time": re.compile(r"\b\d{4}-\d\d-\d\dT[\d:.]+Z"),
    "hash": re.compile(r"\b[0-9a-f]{64}\b"),
    "key": re.compile(r"\b(ta|whsec)_[\w+/=-]{4,}"),
    "link": re.compile(r"http://127\.0\.0\.1:\d+/download/[\w-]+"),
    "license key": re.compile(r"\b[0-9A-Z]{5}(-[0-9A-Z]{5})+\b"),
    "token": re.compile(r"^[\w-]{43}$"),
}


@dataclass(frozen=True)
class Block:
    language: str
    person: str
    text: str
    answer: str | None = None


def blocks(page: Path) -> Iterator[Block]:
    """The page's code blocks, each `graphql` block with the answer that follows it."""
    found = list(_BLOCK.finditer(page.read_text(encoding="utf-8")))
    for number, block in enumerate(found):
        language, person, text = block.groups()
        following = found[number + 1] if number + 1 < len(found) else None
        is_answered = language == "graphql" and following is not None and following[1] == "json"
        yield Block(language, person or "ada", text, following[3] if following and is_answered else None)


@dataclass
class Reader:
    """Runs the blocks of a page in order."""

    people: dict[str, Person]
    values: dict[str, str]
    """Values of variables by name."""
    newest_emailed_token: Callable[[], Awaitable[str]]
    public_url: str
    _answers: list[tuple[Any, Any]] = field(default_factory=list)
    """Shown answers and real ones."""
    _script: list[str] = field(default_factory=list)

    async def read(self, page: Path) -> None:
        for block in blocks(page):
            if block.language == "graphql":
                await self._run_operation(block)
            elif block.language == "console":
                for command, shown in _commands(block.text):
                    await self._run_command(command, shown)

    async def _run_operation(self, block: Block) -> None:
        (operation,) = (each for each in parse(block.text).definitions if hasattr(each, "operation"))
        assert isinstance(operation, OperationDefinitionNode)
        if operation.operation.value == "subscription":
            return
        names = [each.variable.name.value for each in operation.variable_definitions or ()]
        variables = {name: await self._value(name) for name in names}
        answer = await self._person(block.person).post(block.text, **variables)
        self._compare(block.answer, answer, block.text)

    async def _run_command(self, command: str, shown: str) -> None:
        assignment = re.fullmatch(r"([A-Z]+)=(\S+)", command)
        if assignment:
            command = f"{assignment[1]}={await self._assigned(*assignment.groups())}"
        if assignment or re.match(r"\w+\(\)", command):
            self._script.append(command)
            return
        script = "\n".join([*self._script, command]).replace("http://127.0.0.1:8000", self.public_url)
        process = await asyncio.create_subprocess_exec(
            "bash", "-euc", script, env={**os.environ}, stdout=asyncio.subprocess.PIPE
        )
        output, _ = await asyncio.wait_for(process.communicate(), 20)
        assert process.returncode == 0, command
        if shown.startswith("{"):
            self._compare(shown, json.loads(output), command)

    def _compare(self, shown: str | None, answer: dict[str, Any], code: str) -> None:
        self._collect_ids(answer)
        if shown is None:
            assert "errors" not in answer, (code, answer["errors"])
            assert '"userErrors": [{' not in json.dumps(answer), (code, answer)
            return
        expected = json.loads(shown)
        self._answers.append((expected, answer))
        assert _comparable(answer) == _comparable(expected), code
        assert expected.get("extensions", {}).get("cost") in (None, answer["extensions"]["cost"]), code

    def _collect_ids(self, answer: Any) -> None:
        first: dict[str, str] = {}
        for text in _texts(answer):
            if found := _ID.fullmatch(text):
                first.setdefault(_variable(found[1]), text)
        self.values.update(first)

    async def _value(self, name: str) -> str:
        return await self.newest_emailed_token() if name == "token" else self.values[name]

    async def _assigned(self, name: str, shown: str) -> str:
        if shown == "…":
            return await self.newest_emailed_token()
        for expected, answer in reversed(self._answers):
            if (path := _path_of(expected, shown)) is not None:
                return str(_at(answer, path))
        return self.values[name]

    def _person(self, name: str) -> Person:
        if name != "key":
            return self.people[name]
        secrets = [text for _, answer in self._answers for text in _texts(answer) if text.startswith("ta_")]
        return Person(self.people["ada"].http, token=secrets[-1])


def _commands(text: str) -> Iterator[tuple[str, str]]:
    """The commands of a block, each with the output that the page shows."""
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        lines = part.rstrip().split("\n")
        last = next(number for number, line in enumerate(lines) if not line.endswith("\\"))
        yield "\n".join(lines[: last + 1]), "\n".join(lines[last + 1 :])


def _comparable(answer: dict[str, Any]) -> Any:
    """The text without values that differ from run to run."""
    errors = [
        {"message": error["message"], "code": error["extensions"]["code"]}
        for error in answer.get("errors", ())
    ]
    return _normalised({"data": answer.get("data"), "errors": errors})


def _normalised(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _normalised(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_normalised(each) for each in value]
    if isinstance(value, str):
        for name, pattern in _VARYING.items():
            value = pattern.sub(f"<{name}>", value)
    return value


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _texts(each)


def _path_of(value: Any, text: str) -> tuple[Any, ...] | None:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in items:
        path = () if each == text else _path_of(each, text)
        if path is not None:
            return (key, *path)
    return None


def _at(value: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        value = value[key]
    return value


def _variable(prefix: str) -> str:
    """Name of the variable for an id: `$apiKeyId` for the type `api_key`."""
    first, *others = prefix.split("_")
    return first + "".join(map(str.capitalize, others)) + "Id"
