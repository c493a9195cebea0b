"""Merge: what a commit makes of the rows, the same on every replica, in whatever order commits come.

    commit ----> the lives of its rows, as they are          rows.py: what is read and what is handed back
                    | each op by the rule of its kind        life.py, counters.py, sets.py, joins.py, tree.py
                    v
                 Outcome: what to write

Pure: it reads through `Reader` and returns what to write; the same code merges in the simulation and in the database.
Commits come in causal order, each once: `check_next` refuses any other, so what comes twice does no harm. The state is
then a function of the set of commits (and clamps) alone: a late commit makes of it what it would be had it come in
time. Nothing here fails because of what a commit says.
Cost: the rows of the commit are read once; each write made at the same time as another costs a look at the order.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from ..errors import BehindSealError, ForkError, MissingParentsError
from ..values import SqlValue
from . import counters, joins, sets
from .commit import Add, Commit, End, Move, Op, Put, PutJoined, SetUpdate, TextUpdate
from .dots import Dot, covers, ordered
from .joins import MergeFunctions
from .life import JOIN, TEXT, Cell, Life, RowId
from .rows import Outcome, Reader, Rows
from .stamps import Stamp
from .tree import Tree
from .vector import EMPTY, CommitId, Vector

__all__ = ["check_chain", "check_next", "merge", "reorder", "without"]


def check_next(commit: Commit, vector: Vector, horizon: Vector = EMPTY) -> bool:
    """Say whether `commit` is to be merged at `vector`; False: it is here already.

    Raises `MissingParentsError` if it comes too early, `BehindSealError` if its author had not seen `horizon`, below
    which nothing is kept to merge with (`seal.py`).
    """
    if commit.id in vector:
        return False
    if not commit.parents >= horizon:
        raise BehindSealError(
            f"the author of commit {commit.id} hadn't seen what was compacted here, up to {horizon!r}; "
            "take it as a branch and look through it",
            lane=commit.lane,
            seq=commit.seq,
        )
    if not vector >= commit.parents:
        missing = tuple(str(CommitId(lane, first)) for lane, first, _ in commit.parents.beyond(vector))
        raise MissingParentsError(
            f"commit {commit.id} follows commits that aren't here: from {', '.join(missing[:5])} on; bring those first",
            missing=missing,
        )
    return True


def check_chain(commit: Commit, last: str) -> None:
    """Raise `ForkError` unless `last` is the hash that `commit` says the one before it in its lane has."""
    if commit.previous != last:
        raise ForkError(
            f"commit {commit.id} follows another {commit.lane}:{commit.seq - 1} than the one that is here: its lane "
            "was written twice, by a file that was copied or restored; nothing of it was applied",
            lane=commit.lane,
            seq=commit.seq,
        )


def merge(reader: Reader, commit: Commit, stamp: Stamp, functions: MergeFunctions) -> Outcome:
    """Return what `commit` makes of the rows; `stamp` is its place in the order, `functions` join columns by name."""
    rows = Rows(reader, functions, [RowId(op.table, op.key) for op in commit.ops])
    rows.stamps[commit.id], rows.parents[commit.id] = stamp, commit.parents
    trees: dict[tuple[str, str], list[Move]] = {}
    for op in commit.ops:
        life = rows.life(op)
        if isinstance(op, Move):
            trees.setdefault((op.table, op.column), []).append(op)
        else:
            _apply(rows, commit, op, life)
    for (table, column), moves in trees.items():
        tree = Tree(reader, table, column)
        tree.take(stamp, commit.id, moves)
        rows.place(table, column, tree)
    return rows.outcome(tuple(op for op in commit.ops if isinstance(op, TextUpdate)))


def _apply(rows: Rows, commit: Commit, op: Op, life: Life) -> None:
    """Change the life that `op` is about, by the rule of its kind."""
    match op:
        case Put():
            for column, value in op.cells.items():
                _put(rows, commit, life, column, value)
        case End():
            life.ends = tuple(sorted({*(end for end in life.ends if end not in commit.parents), commit.id}))
        case Add():
            cell = life.cells.get(op.column)
            if cell is not None and cell.by == op.epoch:
                at = (counters.KIND, op.column)
                life.dots[at] = counters.added(life.dots.get(at, ()), commit.id, op.delta)
        case SetUpdate():
            at = (sets.KIND, op.column)
            life.dots[at] = sets.updated(life.dots.get(at, ()), commit, op)
        case PutJoined():
            at = (JOIN + op.function, op.column)
            life.dots[at] = joins.put(life.dots.get(at, ()), commit, op)
        case TextUpdate():
            at = (TEXT, op.column)
            others = (dot for dot in life.dots.get(at, ()) if dot.by.lane != commit.lane)
            life.dots[at] = ordered([*others, Dot(commit.id, None)])


def _put(rows: Rows, commit: Commit, life: Life, column: str, value: SqlValue) -> None:
    cell = life.cells.get(column)
    if cell is None or covers(commit, cell.by) or rows.stamp(commit.id) > rows.stamp(cell.by):
        life.cells[column] = Cell(value, commit.id)
        life.dots.pop((counters.KIND, column), None)  # a new epoch


def reorder(reader: Reader, stamps: Mapping[CommitId, Stamp], functions: MergeFunctions) -> Outcome:
    """Return what the rows become when the commits in `stamps` take these places in the order (`stamps.restamp`).

    `reader` still gives the old ones. A cell's winner is found anew from the ops that the log has and the winner of
    now, which stands for those that the log has dropped; `seal.py` says why that is enough.
    """
    ops = [op for commit in stamps for op in reader.ops(commit)]
    rows = Rows(reader, functions, [RowId(op.table, op.key) for op in ops])
    rows.stamps.update(stamps)
    for row in dict.fromkeys(RowId(op.table, op.key) for op in ops if isinstance(op, Put)):
        _elect(rows, row)
    for table, column in dict.fromkeys((op.table, op.column) for op in ops if isinstance(op, Move)):
        tree = Tree(reader, table, column)
        tree.retake(rows.stamp)
        rows.place(table, column, tree)
    return rows.outcome()


def _elect(rows: Rows, row: RowId) -> None:
    """Find the winners of all cells of `row` anew."""
    history, base = list(rows.reader.history(row)), _base(rows.reader, row)
    for life in rows.of(row):
        ops = [(by, op) for by, op in history if op.incarnation == life.incarnation]
        candidates: dict[str, dict[CommitId, Cell]] = {}
        based = next((one for one in base if one.incarnation == life.incarnation), Life(life.incarnation))
        for column, cell in (*based.cells.items(), *life.cells.items()):
            candidates.setdefault(column, {})[cell.by] = cell
        for by, op in ops:
            if isinstance(op, Put):
                for column, value in op.cells.items():
                    candidates.setdefault(column, {})[by] = Cell(value, by)  # of one commit the last
        for column, cells in candidates.items():
            winner = cells[max(cells, key=rows.stamp)]
            if winner != life.cells.get(column):
                life.cells[column] = winner
                _count(life, column, winner.by, ops, based)
        if life.ends:
            rows.judge(row, life)


def _count(life: Life, column: str, epoch: CommitId, ops: Iterable[tuple[CommitId, Op]], based: Life) -> None:
    """Sum up what was added to a counter in the epoch that is now its own."""
    at = (counters.KIND, column)
    life.dots.pop(at, None)
    if at in based.dots and based.cells[column].by == epoch:
        life.dots[at] = based.dots[at]
    for by, op in ops:
        if isinstance(op, Add) and op.column == column and op.epoch == epoch:
            life.dots[at] = counters.added(life.dots.get(at, ()), by, op.delta)


def without(reader: Reader, rejected: Collection[CommitId], functions: MergeFunctions) -> Outcome:
    """Return what the rows become now that the commits in `rejected` count as having no ops.

    `reader` already leaves them out of the history of a row, and still has their ops. The rows that they spoke of are
    made again from what the log has, on what it has forgotten (`Reader.base`).
    """
    ops = [op for commit in sorted(rejected) for op in reader.ops(commit)]
    rows = Rows(reader, functions, [RowId(op.table, op.key) for op in ops])
    for row in dict.fromkeys(RowId(op.table, op.key) for op in ops):
        _live_again(rows, row)
    for table, column in dict.fromkeys((op.table, op.column) for op in ops if isinstance(op, Move)):
        tree = Tree(reader, table, column)
        tree.retake(rows.stamp, frozenset(rejected))
        rows.place(table, column, tree)
    return rows.outcome()


def _base(reader: Reader, row: RowId) -> list[Life]:
    """Return what forgotten ops had made of `row`, but for where it was in trees."""
    lives, placed = reader.base(row), reader.trees(row.table)
    for life in lives:
        life.cells = {column: cell for column, cell in life.cells.items() if column not in placed}
    return lives


def _live_again(rows: Rows, row: RowId) -> None:
    """Make the lives of `row` anew; where it is in a tree is the tree's business."""
    reader, lives = rows.reader, rows.of(row)
    old = list(lives)
    lives[:] = _base(reader, row)
    for by, op in reader.history(row):
        life = rows.life(op)
        if not isinstance(op, Move):
            _apply(rows, Commit(by.lane, by.seq, reader.parents(by), 0, (op,)), op, life)
    now = {life.incarnation: life for life in lives}
    for column in reader.trees(row.table):
        placed = reader.placement(row.table, column, row.key)
        if placed is not None and placed.incarnation in now:
            now[placed.incarnation].cells[column] = Cell(placed.parent, placed.by)
    for life in old:
        rows.judge(row, now.get(life.incarnation, Life(life.incarnation)))
