"""What production installs is what development tests. `make lock` writes both files."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_lock_of_the_installation_is_part_of_the_lock_of_development() -> None:
    installed, all_pins = (
        _pins(path) for path in (ROOT / "deploy" / "requirements.lock", ROOT / "requirements.lock")
    )

    assert {name: all_pins.get(name) for name in installed} == installed
    assert {"setuptools", "alembic", "uvicorn"} <= installed.keys()
    assert not {"pytest", "mypy", "playwright"} & installed.keys()


def test_each_dependency_is_installed() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    names = {re.split(r"[^a-z0-9-]", each, maxsplit=1)[0] for each in project["dependencies"]}

    assert names <= _pins(ROOT / "deploy" / "requirements.lock").keys()


def _pins(path: Path) -> dict[str, tuple[str, list[str]]]:
    """Version and hashes of each package."""
    blocks = re.split(r"^(?=[a-z0-9])", path.read_text(), flags=re.MULTILINE)[1:]
    return {
        block.partition("==")[0]: (
            block.partition("==")[2].split()[0],
            sorted(re.findall("sha256:([0-9a-f]+)", block)),
        )
        for block in blocks
    }
