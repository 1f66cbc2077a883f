"""A failed import leaves the catalog unchanged."""

import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from models.storage import Storage, StorageFull
from resolvers.accounts import operator
from tests.support.catalogs import write_catalog
from tests.support.world import World


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """Of 2 MB."""
    with tempfile.TemporaryDirectory(prefix="team-access-disk-") as folder:
        mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", folder]
        if subprocess.run(mount, capture_output=True).returncode != 0:
            pytest.skip("only root may mount a small disk")
        try:
            yield Path(folder)
        finally:
            subprocess.run(["umount", folder], check=True)


async def test_a_disk_that_fills_while_an_import_runs(
    world: World, themes: dict[str, str], small_disk: Path, tmp_path: Path
) -> None:
    write_catalog(tmp_path, price="99.00")
    (tmp_path / "basalt" / "2.0.0" / "basalt-2.0.0.zip").write_bytes(os.urandom(3_000_000))
    before = await _catalog(world)

    with pytest.raises(StorageFull):
        await operator.import_catalog(
            world.database, Storage(small_disk.as_uri()), tmp_path, lambda _done, _total: None
        )

    assert await _catalog(world) == before
    assert {theme["price"]["amount"] for theme in before["nodes"]} == {"49.00"}
    assert _sizes(small_disk) <= {len("aurora 1.0.0")}


def _sizes(folder: Path) -> set[int]:
    return {path.stat().st_size for path in folder.rglob("*") if path.is_file()}


async def _catalog(world: World) -> dict[str, list[dict[str, dict[str, str]]]]:
    found: dict[str, list[dict[str, dict[str, str]]]] = (
        await world.admin.ask(
            "{ catalog { nodes { name price { amount } releases { version files { name size sha256 } } } } }"
        )
    )["catalog"]
    return found
