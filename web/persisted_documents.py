"""Persisted documents: GraphQL documents that the server knows by an id, so that clients need not send them.

Each manifest is a JSON object from ids to documents, as relay-compiler writes it. Automatic persisted queries
are those that a client has sent once with their SHA-256; each process keeps them while they are in use.
"""

import re
from collections.abc import Sequence
from pathlib import Path

import orjson
from cachetools import LRUCache
from graphql import GraphQLError

from engine.operation_cache import OperationRefused, PreparedOperation
from settings import Settings
from web import console

_MOST_KEPT_CHARACTERS = 100_000
_LEAST_COUNTED_CHARACTERS = 100
_OPERATION_NAME = re.compile(r"\b(?:query|mutation|subscription)\s+([_A-Za-z][_0-9A-Za-z]*)")


def persisted_documents(settings: Settings) -> "PersistedDocuments":
    """Reads the manifests of DOCUMENT_MANIFESTS, and the console's where it is served. Raises
    ManifestError."""
    own = [console.MANIFEST] if settings.console == "on" else []
    return PersistedDocuments([*own, *settings.document_manifests])


class ManifestError(ValueError):
    """A manifest that cannot be used. The message is a sentence that names the file."""


class PersistedDocuments:
    def __init__(self, manifests: Sequence[Path] = ()) -> None:
        """Raises ManifestError."""
        self.by_id: dict[str, str] = {}
        for path in manifests:
            for id, text in _read(path).items():
                if self.by_id.setdefault(id, text) != text:
                    raise ManifestError(
                        f"{path}: another manifest has a different document with the id {id}."
                    )
        self._texts = frozenset(self.by_id.values())
        self._by_hash: LRUCache[str, str] = LRUCache(
            _MOST_KEPT_CHARACTERS, getsizeof=lambda text: max(len(text), _LEAST_COUNTED_CHARACTERS)
        )

    @property
    def operation_names(self) -> set[str]:
        """Names of the operations in the manifests."""
        return {name for text in self._texts for name in _OPERATION_NAME.findall(text)}

    def with_id(self, id: str) -> str:
        """Returns the document's text. Raises OperationRefused."""
        text = self.by_id.get(id)
        if text is None:
            raise _refusal(
                "There is no persisted document with this documentId: send the document's text as `query`, or"
                " add its manifest to the setting DOCUMENT_MANIFESTS.",
                "PERSISTED_DOCUMENT_NOT_FOUND",
            )
        return text

    def with_hash(self, sha256: str) -> str:
        """Returns the text of an automatic persisted query. Raises OperationRefused with the message and code
        on which clients send the text."""
        text = self._by_hash.get(sha256)
        if text is None:
            raise _refusal("PersistedQueryNotFound", "PERSISTED_QUERY_NOT_FOUND")
        return text

    def keep(self, sha256: str, text: str) -> None:
        """Keeps a valid document under its SHA-256."""
        if len(text) <= _MOST_KEPT_CHARACTERS // 10:
            self._by_hash[sha256] = text

    def require(self, prepared: PreparedOperation) -> None:
        """Raises GraphQLError for an operation whose document is in no manifest."""
        if prepared.document.text not in self._texts:
            raise GraphQLError(
                "The server executes only persisted documents: send the documentId of one.",
                extensions={"code": "PERSISTED_DOCUMENT_REQUIRED"},
            )


def _read(path: Path) -> dict[str, str]:
    try:
        manifest = orjson.loads(path.read_bytes())
    except OSError as error:
        raise ManifestError(f"{path}: {error.strerror}.") from None
    except orjson.JSONDecodeError as error:
        raise ManifestError(f"{path} is not valid JSON: {error.msg}.") from None
    if not isinstance(manifest, dict) or not all(isinstance(text, str) for text in manifest.values()):
        raise ManifestError(f"{path} must be a JSON object from ids to the texts of GraphQL documents.")
    return manifest


def _refusal(message: str, code: str) -> OperationRefused:
    return OperationRefused([GraphQLError(message, extensions={"code": code})])
