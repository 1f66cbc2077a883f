"""The command `team-access documents`."""

import typer

import settings as settings_module
from commands.printing import AsJson, notes, print_rows
from commands.running import CommandError
from settings import Settings


def print_documents(as_json: AsJson = False) -> None:
    """Print the operations of the persisted documents. Exit codes: 0; 1 if one does not fit the schema."""
    from engine.limits import Limits
    from engine.operation_cache import Documents, OperationRefused
    from schema import SCHEMA

    settings = settings_module.load()
    limits = Limits(
        tokens=settings.max_tokens,
        depth=settings.max_depth,
        aliases=settings.max_aliases,
        cost=settings.max_cost,
    )
    known, rows, refused = Documents(SCHEMA._schema, limits), [], []
    for id, text in _texts_by_id(settings).items():
        try:
            operations = known.get(text).operations.values()
        except OperationRefused as refusal:
            refused.append(f"{id}: {refusal}")
            continue
        rows += [{"id": id, "operation": each.name, "type": each.type.value} for each in operations]
    print_rows(rows, as_json=as_json)
    for sentence in refused:
        notes.print(sentence, markup=False, soft_wrap=True)
    if refused:
        raise typer.Exit(1)


def require_manifests(settings: Settings) -> None:
    """Raises CommandError where a file of DOCUMENT_MANIFESTS cannot be used."""
    _texts_by_id(settings)


def _texts_by_id(settings: Settings) -> dict[str, str]:
    from web.persisted_documents import ManifestError, persisted_documents

    try:
        return persisted_documents(settings).by_id
    except ManifestError as error:
        raise CommandError(f"DOCUMENT_MANIFESTS: {error}") from None
