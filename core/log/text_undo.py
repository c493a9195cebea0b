"""Taking edits of a text back: a text without some of the commits that made it, whoever edited it before and since.

    before      genesis, 12, 15     taken in as they are
    to undo     57, 58              taken in as one's own
    since       60                  taken in as they are; then `undo`: what 57 typed goes, what it deleted comes back

The text engine's undo does the work, on a document that is made of the log for the purpose, so it needs no session that
remembers. What comes out is written like any other edit. Cost: all edits of the text, once more.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from ..errors import LogError, MalformedUpdateError
from ..text.document import TextDocument
from ..text.edits import genesis_client
from ..text.engines import best_engine, genesis, open_text
from ..text.positions import read_state_vector
from ..text.structs import clients_of, lacks
from .commit import Op, Put, TextUpdate
from .drafts import TextId, new_client
from .encoding import key_text

__all__ = ["without_edits"]


def without_edits(
    at: TextId, epoch: int, base: bytes, history: Iterable[tuple[int, Op]], undone: Collection[int]
) -> str:
    """Return the text `at`, of `epoch`, without the edits of the commits `undone`.

    `history` are all ops on its row by the numbers of their commits, `base` what the log has forgotten. Raises
    `LogError` where that is too much.
    """
    ops = [(number, op) for number, op in history if op.incarnation == at.incarnation]
    edits = [
        (number, op.update)
        for number, op in ops
        if isinstance(op, TextUpdate) and (op.column, op.epoch) == (at.column, epoch)
    ]
    document = open_text(new_client(), engine=best_engine(), now_ms=lambda: 1)  # all of it is one step
    try:
        document.load([base])
        _begin(document, at, [op for _, op in ops if isinstance(op, Put)], edits)
        for number, update in edits:
            if _is_good(update, document):
                if number in undone:
                    _check_begun(document, update)
                    document.adopt(update)
                else:
                    document.load([update])
        document.undo()
        return str(document)
    finally:
        document.close()


def _begin(document: TextDocument, at: TextId, puts: Iterable[Put], edits: Iterable[tuple[int, bytes]]) -> None:
    """Take in the genesis that the first edits brought along: it isn't theirs."""
    clients = {client for _, update in edits for client in clients_of(update)}
    for put in puts:
        value = put.cells.get(at.column)
        if isinstance(value, str) and genesis_client(key_text(at.key), at.column, at.incarnation, value) in clients:
            document.load([genesis(key_text(at.key), at.column, at.incarnation, value, engine=best_engine())])


def _is_good(update: bytes, document: TextDocument) -> bool:
    try:
        return not lacks(update, read_state_vector(document.state_vector()))
    except MalformedUpdateError:
        return False


def _check_begun(document: TextDocument, update: bytes) -> None:
    if len(clients_of(update) - read_state_vector(document.state_vector()).keys()) > 1:
        raise LogError("what this text began with is forgotten: the log was compacted; nothing was taken back")
