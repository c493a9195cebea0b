"""Authoring: what a changed row says to other replicas, column by column, as its models declare them.

    plain            Put, all of its group              counter   Add of the difference, in the epoch that was seen
    set              SetUpdate: what came, what went    function  PutJoined                                 tree  Move
    text             TextUpdate: few short edits; put as a value where the row begins, or no engine is installed

A row that begins puts every plain column; a row that ends is an End. Statements say only what a row was and is, so
`votes = votes + 1` and `votes = 5` are both the difference: that is what a counter is declared for.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..values import SqlRow, SqlValue, same_typed
from . import sets
from .commit import Add, End, Move, Op, Put, PutJoined, SetUpdate
from .drafts import TextId
from .groups import with_groups
from .life import Life
from .row_changes import RowChange
from .tables import LoggedTable, cells_of
from .texts import Texts

__all__ = ["ops_of"]


def ops_of(table: LoggedTable, change: RowChange, lives: Sequence[Life], texts: Texts) -> list[Op]:
    """Return the ops that make of the row's `lives` what `change` made of the row; none where it changed nothing."""
    life = change.stamps[0] or 0
    if change.new is None:
        return [End(table.id, change.key, life)]
    if change.old is None and not life % 2:
        return _begun(table, change.key, life + 1, change.new)
    return _edited(table, change, lives[-1], texts)


def _begun(table: LoggedTable, key: SqlRow, incarnation: int, new: SqlRow) -> list[Op]:
    plain: dict[str, SqlValue] = {}
    special: list[Op] = []
    for column, value in zip(table.columns, new, strict=True):
        if column.merge == "set":
            special.append(SetUpdate(table.id, key, incarnation, column.id, sets.between(None, value)[0], ()))
        elif column.merge == "tree":
            special.append(Move(table.id, key, incarnation, column.id, value))
        elif column.merge == "join":
            special.append(PutJoined(table.id, key, incarnation, column.id, f"{table.id}.{column.id}", value))
        else:
            plain[column.id] = value
    return [Put(table.id, key, incarnation, plain), *special]


def _edited(table: LoggedTable, change: RowChange, life: Life, texts: Texts) -> list[Op]:
    """Return the ops of an edit. Where it isn't known how the row was, all of it is said, counters begin anew."""
    assert change.new is not None, "a row that is there"
    at = (table.id, change.key, life.incarnation)
    plain: dict[str, SqlValue] = {}
    special: list[Op] = []
    edited = texts.columns(table)
    now = dict(zip(table.ids, change.new, strict=True))
    was = None if change.old is None else dict(zip(table.ids, change.old, strict=True))
    for column in table.columns:
        old, new = now[column.id] if was is None else was[column.id], now[column.id]
        if was is not None and same_typed(old, new):
            continue
        if column.id in edited:
            where = TextId(*at, column.id)
            put = cells_of(change.stamps[2]).get(column.id, change.stamps[1])
            update = texts.edit(where, None if was is None else old, new, put, strict=was is not None)
            if update is not None:
                special += [texts.op(where, update)] if update else []
                continue
        if column.merge == "set":
            known = sets.text(life.dots.get((sets.KIND, column.id), ())) if was is None else old
            came, went = sets.between(known, new)
            special += [SetUpdate(*at, column.id, came, went)] if came or went else []
        elif column.merge == "tree":
            special.append(Move(*at, column.id, new))
        elif column.merge == "join":
            special.append(PutJoined(*at, column.id, f"{table.id}.{column.id}", new))
        elif (
            column.merge == "counter"
            and was is not None
            and column.id in life.cells
            and isinstance(old, int)
            and isinstance(new, int)
        ):
            special.append(Add(*at, column.id, life.cells[column.id].by, new - old))
        else:
            plain[column.id] = new
    cells = with_groups(plain, now, table.groups)
    return [Put(*at, cells), *special] if cells else special
