"""Soft deletes: what `tx.delete`, `tx.restore` and `tx.erase` write of models that are `SoftDeleted`.

    tx.delete(project)    UPDATE project SET deleted_at = :now WHERE id = :key
                          UPDATE issue   SET deleted_at = :now WHERE project = :key     those that cascade, and so on
    tx.restore(project)   the same, back to NULL, for the rows with that very mark

Which tables lead to one is asked of SQLite. A reference that restricts holds back a soft delete as a real one, unless
the row that refers is deleted itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..errors import ConstraintError
from ..model.base import ModelBase
from ..schema.table import TableSpec
from ..sqltext import quote_name
from ..values import SqlValue, shown
from .rows import Executes

__all__ = ["mark", "unmark"]

_LEADING = (
    'SELECT m.name, f."from", f.on_delete, EXISTS (SELECT 1 FROM pragma_table_info(m.name) c WHERE c.name = ?1), '
    "(SELECT c.name FROM pragma_table_info(m.name) c WHERE c.pk = 1) "
    "FROM main.sqlite_schema m JOIN pragma_foreign_key_list(m.name) f "
    "WHERE m.type = 'table' AND lower(f.\"table\") = lower(?2) ORDER BY m.name, f.id"
)


def mark(tx: Executes, row: ModelBase, spec: TableSpec) -> bool:
    """Mark `row` and what goes with it as deleted; False where it is gone, or was marked before."""
    stamp = spec.encode(spec.by_attribute[spec.soft], type(row)._now())  # type: ignore[attr-defined]  # of SoftDeleted
    with tx.savepoint():
        return bool(_set(tx, spec.name, spec, row, stamp, None)) and _followed(tx, spec, row, stamp, None)


def unmark(tx: Executes, row: ModelBase, spec: TableSpec) -> bool:
    """Take the mark off `row` and off what got it with it; False where it is gone. One that has none stays as it is."""
    column = spec.by_attribute[spec.soft]
    key = spec.encode(spec.key[0], row.__key__())
    sql = f"SELECT {quote_name(column.name)} FROM {quote_name(spec.name)} WHERE {quote_name(spec.key[0].name)} = ?"
    found = tx.execute(sql, key).rows
    if found and found[0][0] is not None:
        with tx.savepoint():
            _set(tx, spec.name, spec, row, None, found[0][0])
            _followed(tx, spec, row, None, found[0][0])
    return bool(found)


def _set(tx: Executes, table: str, spec: TableSpec, row: ModelBase, stamp: SqlValue, old: SqlValue) -> int:
    mark, key = quote_name(spec.by_attribute[spec.soft].name), quote_name(spec.key[0].name)
    sql = f"UPDATE {quote_name(table)} SET {mark} = ? WHERE {key} = ? AND {mark} IS ?"
    return tx.execute(sql, stamp, spec.encode(spec.key[0], row.__key__()), old).rowcount


def _followed(tx: Executes, spec: TableSpec, row: ModelBase, stamp: SqlValue, old: SqlValue) -> bool:
    """Give the mark `stamp` to every row that goes with `row` and has the mark `old`."""
    mark = spec.by_attribute[spec.soft].name
    todo: list[tuple[str, SqlValue]] = [(spec.name, spec.encode(spec.key[0], row.__key__()))]
    leading: dict[str, list[tuple[Any, ...]]] = {}
    while todo:
        table, key = todo.pop()
        if table not in leading:
            leading[table] = [tuple(one) for one in tx.execute(_LEADING, mark, table).rows]
        for child, column, on_delete, soft, child_key in leading[table]:
            if on_delete == "CASCADE" and soft and child_key is not None:
                sql = (
                    f"UPDATE {quote_name(child)} SET {quote_name(mark)} = ? WHERE {quote_name(column)} = ? "
                    f"AND {quote_name(mark)} IS ? RETURNING {quote_name(child_key)}"
                )
                todo += [(str(child), one[0]) for one in tx.execute(sql, stamp, key, old).rows]
    if stamp is not None:
        _refuse_restricted(tx, spec, row, leading[spec.name], mark)
    return True


def _refuse_restricted(
    tx: Executes, spec: TableSpec, row: ModelBase, leading: list[tuple[Any, ...]], mark: str
) -> None:
    """Raise `ConstraintError` where a row that isn't deleted still refers to `row` and restricts that."""
    found = list(_restricting(tx, leading, spec.encode(spec.key[0], row.__key__()), mark))
    if found:
        listed = ", ".join(f"{table} {shown(key)}" for table, key in found)
        raise ConstraintError(
            f"{spec.model} {shown(row.__key__())} can't be deleted: {listed} still lead to it; "
            "the statement left nothing behind",
            sql="",
            kind="foreign key",
            table=spec.name,
            rows=tuple(found),
        )


def _restricting(
    tx: Executes, leading: list[tuple[Any, ...]], key: SqlValue, mark: str
) -> Iterator[tuple[str, object]]:
    for child, column, on_delete, soft, child_key in leading:
        if on_delete in ("NO ACTION", "RESTRICT"):
            alive = f" AND {quote_name(mark)} IS NULL" if soft else ""
            name = quote_name(child_key) if child_key is not None else "rowid"
            sql = f"SELECT {name} FROM {quote_name(child)} WHERE {quote_name(column)} = ?{alive} LIMIT 5"
            yield from ((str(child), one[0]) for one in tx.execute(sql, key).rows)
