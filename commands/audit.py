"""The commands `team-access audit`."""

import sys
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar
from uuid import UUID

import typer

import settings as settings_module
from commands.printing import AsJson, notes, print_done, print_json, progress_bar
from commands.running import CommandError, run
from engine.moments import RANGE, parse_moment
from settings import Settings

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from audit_proof.checkpoints import Checkpoint
    from audit_proof.keys import VerifyingKey
    from audit_proof.verification import Verified
    from models.database import Database

app = typer.Typer(help="Verification and pruning of the audit log.", no_args_is_help=True)
Value = TypeVar("Value")
PublicKey = Annotated[
    str | None,
    typer.Option(
        help="Public key of the server, which `audit public-key` prints; or several, comma-separated, of"
        " which one has signed. Default: that of the settings, with AUDIT_RETIRED_KEYS."
    ),
]
_EXIT_CODES = {"verified": 0, "filtered": 3, "unsigned": 4}


def _day_or_moment(text: str) -> datetime:
    try:
        return parse_moment(f"{text}T00:00:00Z" if len(text) == len("2026-01-31") else text)
    except ValueError:
        message = f"expected a day such as 2026-01-31 or a time such as 2026-01-31T12:00:00Z, {RANGE}."
        raise typer.BadParameter(message) from None


@app.command("verify")
def verify_export(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True)],
    checkpoint: Annotated[
        str | None,
        typer.Option(help="SEQUENCE:HASH, or a file with a checkpoint: the export must contain that event."),
    ] = None,
    public_key: PublicKey = None,
    as_json: AsJson = False,
) -> None:
    """Verify the export FILE (NDJSON) of a log, or a proof of one event. Exit codes: 0 verified; 1 changed or
    incomplete; 2 not an export; 3 filtered; 4 unsigned, or no key to check the signature."""
    from audit_proof import diagnosis as audit_diagnosis
    from audit_proof import proofs as audit_proofs
    from audit_proof import verification as audit_export

    key = _public_key(public_key)
    kept = _checkpoint(checkpoint)
    verified: audit_export.Verified | audit_proofs.Proven
    try:
        if audit_proofs.is_proof(file):
            verified = proven = audit_proofs.verify_proof(file, key)
            if kept is not None:
                kept.require_event(proven)
        else:
            verified = export = _verified(file, key)
            if kept is not None:
                kept.require_in(export)
    except audit_diagnosis.Damage as damage:
        if as_json:
            print_json(damage.to_json())
        notes.print(str(damage), style="red", markup=False, soft_wrap=True)
        raise SystemExit(1) from None
    except audit_export.Unreadable as error:
        notes.print(str(error), style="red", markup=False, soft_wrap=True)
        raise SystemExit(2) from None
    print_done(verified.sentence(), verified.to_json(), as_json=as_json)
    raise SystemExit(_EXIT_CODES[verified.status.value])


@app.command("prove")
def prove_event(
    event_id: Annotated[str, typer.Argument(help="The event's id, as the API or an export has it.")],
    export: Annotated[
        Path,
        typer.Option(
            exists=True, dir_okay=False, readable=True, help="An export of the whole log as NDJSON."
        ),
    ],
    checkpoint: Annotated[
        str | None,
        typer.Option(
            help="A file with the last line of an older export: the proof leads to that log too, in which the"
            " event must be."
        ),
    ] = None,
    withhold: Annotated[
        list[str] | None,
        typer.Option(
            help="A personal field whose value is left out of the proof, such as `actorName`; `details` are"
            " all personal details. May be repeated."
        ),
    ] = None,
    public_key: PublicKey = None,
) -> None:
    """Print a proof that a log contains an event, a file that `audit verify` accepts without the export. It
    has the event, and hashes that lead to the signed Merkle root of the export."""
    from audit_proof import diagnosis as audit_diagnosis
    from audit_proof import proofs as audit_proofs
    from audit_proof import verification as audit_export
    from audit_proof.chain import PERSONAL

    id = _argument("EVENT_ID", _event_id, event_id)
    kept = _checkpoint(checkpoint)
    key = _public_key(public_key)
    if unknown := {*(withhold or ())} - {*PERSONAL, "details"}:
        names = f"{', '.join(PERSONAL)} or details"
        raise typer.BadParameter(f"{', '.join(unknown)}: expected {names}", param_hint="--withhold")
    try:
        verified = _verified(export, key)
        first_events = kept.first_events(verified) if kept is not None else None
        proof = audit_proofs.prove(verified, id, first_events, withhold or ())
        proven = audit_proofs.check(proof, key)
        if kept is not None:
            kept.require_event(proven)
    except (audit_diagnosis.Damage, audit_export.Unreadable, audit_proofs.NotProvable) as error:
        raise CommandError(f"The export does not prove the event. {error}") from error
    typer.echo(proof.text(), nl=False)


@app.command("checkpoint")
def print_checkpoint(account_slug: str) -> None:
    """Print a checkpoint of an account's log as a line of JSON, to be stored outside the server."""
    from resolvers.audit import operator as operator_audit

    async def print_(settings: Settings, database: "Database") -> None:
        print_json(await operator_audit.checkpoint(database, account_slug))

    run(print_)


@app.command("export")
def print_export(account_slug: str) -> None:
    """Print an account's whole log as NDJSON, which `audit verify` accepts. It is signed as the exports of
    the API are, and is not recorded in the log."""
    from resolvers.audit import operator as operator_audit
    from resolvers.audit import signing_keys

    async def print_(settings: Settings, database: "Database") -> None:
        key = signing_keys.export_key(settings)
        async with aclosing(operator_audit.export(database, account_slug, key)) as pieces:
            async for piece in pieces:
                sys.stdout.buffer.write(piece)
        sys.stdout.buffer.flush()

    run(print_)


@app.command("public-key")
def print_public_key(
    retired: Annotated[
        bool, typer.Option("--retired", help="Also print AUDIT_RETIRED_KEYS, as `--public-key` takes them.")
    ] = False,
) -> None:
    """Print the public key that verifies the signatures of exports and of pruned events."""
    from audit_proof import keys as audit_keys
    from resolvers.audit import signing_keys

    settings = settings_module.load()
    key = signing_keys.public_key(settings) or _signing_key(settings).public_key()
    typer.echo(",".join([audit_keys.written(key), *(settings.audit_retired_keys if retired else ())]))


@app.command("prune")
def prune(
    account_slug: str,
    before: Annotated[
        datetime,
        typer.Option(
            parser=_day_or_moment,
            metavar="TIME",
            help="The start of a day in UTC, such as 2026-01-31, or a time: 2026-01-31T12:00:00Z.",
        ),
    ],
    export: Annotated[
        Path,
        typer.Option(
            exists=True, dir_okay=False, readable=True, help="An export of the whole log as NDJSON."
        ),
    ],
    as_json: AsJson = False,
) -> None:
    """Delete the events of an account from before a time. The export must contain them. Runs as the role of
    MIGRATION_DATABASE_URL. A signed event replaces them."""
    from audit_proof import diagnosis as audit_diagnosis
    from audit_proof import verification as audit_export
    from resolvers.audit import operator as operator_audit
    from resolvers.audit import signing_keys

    settings = settings_module.load()
    key, keys = _signing_key(settings), signing_keys.verifying_key(settings)
    try:
        exported = operator_audit.Exported.of(_verified(export, keys))
    except (audit_diagnosis.Damage, audit_export.Unreadable) as error:
        raise CommandError(f"The export does not prove the events to be pruned. {error}") from error

    async def prune_(settings: Settings, database: "Database") -> None:
        with progress_bar("Pruning") as progress:
            pruned = await operator_audit.prune(database, account_slug, before, exported, key, progress, keys)
        print_done(pruned.sentence(), asdict(pruned), as_json=as_json)

    run(prune_, as_owner=True)


def _verified(file: Path, key: "VerifyingKey | None") -> "Verified":
    from audit_proof import verification as audit_export

    with progress_bar("Verifying", unit="bytes") as progress:
        size = file.stat().st_size
        return audit_export.verify(file, key, lambda done: progress(done, size))


def _public_key(text: str | None) -> "VerifyingKey | None":
    """The keys of the option, or of the settings."""
    from audit_proof import keys as audit_keys
    from resolvers.audit import signing_keys

    if text is not None:
        return _argument("--public-key", audit_keys.verifying_key_from, text)
    return signing_keys.verifying_key(settings_module.load())


def _checkpoint(text: str | None) -> "Checkpoint | None":
    from audit_proof import checkpoints as audit_checkpoints

    return None if text is None else _argument("--checkpoint", audit_checkpoints.Checkpoint.of, text)


def _event_id(text: str) -> UUID:
    """Raises ValueError."""
    from models.audit import AuditEvent
    from resolvers.global_ids import decode

    decoded = decode(text)
    return decoded[1] if decoded and decoded[0] is AuditEvent else UUID(text)


def _signing_key(settings: Settings) -> "Ed25519PrivateKey":
    from resolvers.audit import signing_keys

    try:
        return signing_keys.signing_key(settings)
    except signing_keys.NoSigningKey as error:
        raise CommandError(str(error)) from error


def _argument(name: str, read: Callable[[str], Value], text: str) -> Value:
    try:
        return read(text)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint=name) from error
