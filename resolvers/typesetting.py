"""PDFs, set by typst from the templates in `documents/`. What they say is handed over as data, never as
source: a name may hold any character."""

import asyncio
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, Literal

import orjson
import structlog
import typst

from models.storage import StorageUnavailable

log = structlog.get_logger()

_TEMPLATES = Path(__file__).parent / "documents"
_ARCHIVED: Literal["a-2b"] = "a-2b"
_WAITING_SECONDS = 60
_AT_ONCE = ThreadPoolExecutor(max_workers=2, thread_name_prefix="typesetting")


async def typeset(template: str, data: Mapping[str, Any], made_at: datetime) -> bytes:
    """A PDF, the same bytes for the same data, time and fonts: the bundled ones, and the system's.

    It is PDF/A-2b, which must show every character. Where no font has one, the PDF is an ordinary one that
    says so at its foot, and the log names the character. Raises StorageUnavailable where too many wait.
    """
    text = orjson.dumps(data).decode()
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(_WAITING_SECONDS):
            return await loop.run_in_executor(_AT_ONCE, _typeset, template, text, made_at)
    except TimeoutError:
        raise StorageUnavailable("Too many PDFs are being made at once.") from None


def _typeset(template: str, data: str, made_at: datetime) -> bytes:
    try:
        return _compiled(template, data, made_at, archived=True)
    except typst.TypstError as error:
        if "could not be displayed" not in error.message:
            raise
        log.warning(
            "pdf_characters_without_font",
            template=template,
            words=error.message,
            advice="Install a font that has them, such as Noto Sans CJK, where the fonts of the system are.",
        )
    return _compiled(template, data, made_at, archived=False)


def _compiled(template: str, data: str, made_at: datetime, *, archived: bool) -> bytes:
    compiler = typst.Compiler(
        str(_TEMPLATES / template),
        root=str(_TEMPLATES),
        font_paths=_fonts(),
        sys_inputs={"data": data, "incomplete": "false" if archived else "true"},
    )
    pdf = compiler.compile(
        format="pdf", pdf_standards=[_ARCHIVED] if archived else [], timestamp=int(made_at.timestamp())
    )
    if not isinstance(pdf, bytes):
        raise TypeError(f"{template} was not set as one PDF")
    return pdf


@cache
def _fonts() -> typst.Fonts:
    """Looked for once."""
    return typst.Fonts(font_paths=[str(_TEMPLATES / "fonts")])
