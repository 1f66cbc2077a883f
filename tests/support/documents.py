"""Requests for reports and invoices, and parsers of the results."""

import asyncio
import csv
import io
from typing import Any

import httpx
import pypdfium2  # type: ignore[import-untyped]

from tests.support.changes import mutation
from tests.support.world import Person, World

REQUEST_REPORT = mutation("requestReport", "download { url fileName mediaType size expiresAt }")
REQUEST_INVOICE = mutation("requestInvoiceDownload", "download { url fileName mediaType size }")


async def report_link(
    world: World, kind: str, format: str = "CSV", by: Person | None = None, **input: Any
) -> str:
    """Path of the link."""
    asked = {"accountId": world.account_id, "kind": kind, "format": format, **input}
    payload = await (by or world.admin).change(REQUEST_REPORT, **asked)
    assert not payload["userErrors"], payload
    return httpx.URL(payload["download"]["url"]).path


async def report(
    world: World, kind: str, format: str = "CSV", by: Person | None = None, **input: Any
) -> bytes:
    response = await world.http.get(await report_link(world, kind, format, by, **input))
    assert response.status_code == 200, response.text
    return response.content


async def table(world: World, kind: str, by: Person | None = None, **input: Any) -> list[dict[str, str]]:
    """Rows of a CSV report."""
    content = (await report(world, kind, "CSV", by, **input)).decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(content, newline="")))


async def told(world: World, action: str) -> dict[str, Any]:
    """Waits for the only download event, which is written after the last byte, and returns it."""
    async with asyncio.timeout(30):
        while not (events := await world.events(actions=[action])):  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    (event,) = events
    return event


def pages(pdf: bytes) -> list[str]:
    """Text of each page."""
    document = pypdfium2.PdfDocument(pdf)
    return [page.get_textpage().get_text_bounded() for page in document]
