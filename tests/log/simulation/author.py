"""What a writer does: edits of rows, as plain data, and the ops that an author makes of them on the state it sees.

    Edit("item", "k1", {"title": 3, "votes+": 2, "tags-": 1})   --state of this replica-->   Put, Add, SetUpdate

An edit means something in every state: of a row that is gone it begins a new life, what makes no sense is left out. So
a script stays one when parts of it are dropped.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from eddyline.core.log.commit import Add, End, Move, Op, Put, PutJoined, SetUpdate
from eddyline.core.log.conflicts import dismiss, restore
from eddyline.core.log.groups import with_groups
from eddyline.core.log.life import Life, RowId
from eddyline.core.values import SqlValue

from .store import Disk
from .tables import FUNCTIONS, GROUPS, KEYS, PLAIN, TREES

__all__ = ["Edit", "ops_of"]


@dataclass(frozen=True, slots=True)
class Edit:
    """What one transaction does to one row. `how` is "write", "end", "restore" or "dismiss"."""

    table: str
    key: str
    columns: tuple[tuple[str, SqlValue], ...] = ()
    how: str = "write"

    @property
    def row(self) -> RowId:
        """Which row."""
        return RowId(self.table, (self.key,))


def ops_of(disk: Disk, edits: Sequence[Edit]) -> tuple[Op, ...]:
    """Return the ops of one transaction; of two edits of a row the first counts."""
    ops: list[Op] = []
    edits = list({edit.row: edit for edit in reversed(edits)}.values())
    parents = _parents(disk, edits)
    for edit in edits:
        lives = disk.lives([edit.row]).get(edit.row, ())
        living = lives[-1] if lives and not lives[-1].ends else None
        if edit.how == "end":
            ops += [End(*edit.row, living.incarnation)] if living else []
        elif edit.how == "write":
            ops += _write(disk, edit, lives, living, parents)
        else:
            ops += _settle(disk, edit, lives)
    return tuple(ops)


def _write(
    disk: Disk, edit: Edit, lives: Sequence[Life], living: Life | None, parents: dict[RowId, SqlValue]
) -> list[Op]:
    at = (*edit.row, living.incarnation if living else lives[-1].incarnation + 2 if lives else 1)
    asked = dict(edit.columns)
    plain = {column: value for column, value in asked.items() if column in PLAIN[edit.table]}
    row = disk.row(edit.row) if living else None
    cells = with_groups(plain, row, GROUPS[edit.table]) if row is not None else PLAIN[edit.table] | plain
    ops: list[Op] = [Put(*at, cells)] if cells else []
    for name, value in asked.items():
        column, sign = name.rstrip("+-"), name[-1]
        if column == "votes" and sign == "+" and living and "votes" not in cells:
            assert isinstance(value, int)
            ops.append(Add(*at, column, living.cells["votes"].by, value))
        elif column == "tags":
            element = (f'"{value!s}"',)
            ops.append(SetUpdate(*at, column, element if sign == "+" else (), element if sign == "-" else ()))
        elif column == "top":
            ops.append(PutJoined(*at, column, "largest", value))
    if edit.row in parents or not living:
        ops += [Move(*at, column, parents.get(edit.row)) for column in TREES[edit.table]]
    return ops


def _parents(disk: Disk, edits: Sequence[Edit]) -> dict[RowId, SqlValue]:
    """Return where the transaction moves rows, without those moves that would close a circle in the end."""
    columns = {edit.row: dict(edit.columns) for edit in edits if edit.how == "write"}
    parents = {row: asked["parent"] for row, asked in columns.items() if "parent" in asked}
    for row in list(parents):
        if _is_below_itself(disk, row, parents):
            del parents[row]
    assert not any(_is_below_itself(disk, row, parents) for row in parents), "a tree that has a circle already"
    return parents


def _is_below_itself(disk: Disk, row: RowId, parents: dict[RowId, SqlValue]) -> bool:
    above = parents[row]
    for _ in range(2 * len(KEYS)):
        if not isinstance(above, str) or (above,) == row.key:
            return above is not None
        placed = disk.placement(row.table, "parent", (above,))
        above = parents.get(RowId(row.table, (above,)), placed.parent if placed else None)
    return True


def _settle(disk: Disk, edit: Edit, lives: Sequence[Life]) -> tuple[Op, ...]:
    conflict = next((one for (row, _), one in sorted(disk.conflicts.items()) if row == edit.row), None)
    if conflict is None:
        return ()
    if edit.how == "dismiss":
        return dismiss(conflict)
    return restore(conflict, lives, TREES[edit.table], FUNCTIONS, disk.stamp)
