"""Search for texts in a dump of the whole database."""

import asyncio
import re

from embedded.folder import binaries


async def found_in_dump(url: str, *texts: str, without: tuple[str, ...] = ()) -> list[str]:
    """Lines of pg_dump's output, with the table before them, in which one of the texts is. `without` are
    tables that are left out. Texts in bytes are searched in the hexadecimal form that the dump has."""
    excluded = [f"--exclude-table-data={table}" for table in without]
    process = await asyncio.create_subprocess_exec(
        str(binaries() / "pg_dump"), "--data-only", *excluded, url, stdout=asyncio.subprocess.PIPE
    )
    dump, _ = await process.communicate()
    assert process.returncode == 0
    assert len(dump) > 10_000
    pattern = re.compile("|".join(re.escape(each) for text in texts for each in (text, text.encode().hex())))
    table, found = "", []
    for line in dump.decode().splitlines():
        if line.startswith("COPY "):
            table = line.split()[1]
        elif pattern.search(line):
            found.append(f"{table}: {line}")
    return found
