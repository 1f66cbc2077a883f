"""Accessibility of a page, by axe-core 4.14.1 (axe.min.js)."""

from pathlib import Path
from typing import Any

_AXE = (Path(__file__).parent / "axe.min.js").read_text(encoding="utf-8")
_RUN = """() => axe.run(document, {resultTypes: ["violations"]}).then(({violations}) => violations.map(
  ({id, help, nodes}) => `${id}: ${help}: ${nodes.map(({html}) => html.slice(0, 200)).join(" ")}`))"""


async def violations(page: Any) -> list[str]:
    if not await page.evaluate("'axe' in window"):
        await page.evaluate(_AXE)
    found: list[str] = await page.evaluate(_RUN)
    return found
