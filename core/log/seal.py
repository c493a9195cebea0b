"""Seal and horizon: how far the log is settled, and what may be forgotten below.

    lanes   A  1 2 3 4 5 6 | 7 8 9        horizon H: whoever will still write has seen it; what ended below is forgotten
            B  1 2 | 3 4 | 5              seal S:    closed, with a snapshot and a digest; ops below may be dropped
                   H     S

Both are closed vectors, H <= S. Merging needs lives and the order of commits, not old ops: so a commit made without
having seen the seal still merges. One that hasn't seen the horizon does not (`check_next`): it comes as a branch, for
review.

Old ops are needed for one thing: a clamp makes a winner lose, and then what it had beaten must be found (`reorder`).
So a seal holds only commits that no hub will clamp any more, and ops below it are kept while a commit outside it may
be clamped whose author has not seen the seal (`may_drop_ops`).
Below the horizon go: lives that ended, but for the number of the highest one, since a row that comes back under the
same key counts on from it; moves before the first one that is kept; headers that no cell names.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from ..values import SqlValue
from .commit import Key
from .conflicts import conflict_of
from .encoding import canonical
from .life import Life, RowId
from .stamps import Header
from .tree import Moved
from .vector import CommitId, Vector

__all__ = ["closed_below", "compact_lives", "compact_moves", "is_closed", "may_drop_ops", "row_digest", "table_digest"]


def is_closed(vector: Vector, parents_of: Callable[[CommitId], Vector]) -> bool:
    """Say whether `vector` holds all that its commits follow: only then it names a state."""
    return all(vector >= parents_of(commit) for commit in vector)


def closed_below(vector: Vector, parents_of: Callable[[CommitId], Vector]) -> Vector:
    """Return the largest closed vector within `vector`."""
    while True:
        open_ends = [commit for commit in vector if not vector >= parents_of(commit)]
        if not open_ends:
            return vector
        seqs = vector.data()
        for lane, seq in open_ends:
            seqs[lane] = seq - 1
        vector = Vector({commit.lane: seqs[commit.lane] for commit in vector if seqs[commit.lane]})


def may_drop_ops(seal: Vector, others: Iterable[Header], admitted: Vector) -> bool:
    """Say whether ops below `seal` may go. `others` are the commits outside it.

    `admitted` holds those that no hub will clamp any more: all, where there is no hub.
    """
    return admitted >= seal and all(header.id in admitted or header.parents >= seal for header in others)


def compact_lives(
    row: RowId,
    lives: Sequence[Life],
    horizon: Vector,
    parents_of: Callable[[CommitId], Vector],
    trees: Collection[str] = (),
) -> tuple[Life, ...]:
    """Return what is kept of the lives of a row: those that live, in conflict, or not yet ended for everyone.

    `trees` are the table's tree columns: where a row that ended was still decides whether others may move below it.
    """
    kept = []
    for life in lives:
        is_settled = any(end in horizon for end in life.ends) and conflict_of(row, life, parents_of) is None
        if is_settled:
            placed = {column: cell for column, cell in life.cells.items() if column in trees}
            if placed or life is lives[-1]:
                kept.append(Life(life.incarnation, placed, ends=life.ends))
        else:
            kept.append(life)
    return tuple(kept)


def compact_moves(moves: Sequence[Moved], horizon: Vector, ignored: Collection[Key] = ()) -> Sequence[Moved]:
    """Return what is kept of a tree's moves: from the first one on that isn't below the horizon.

    Or that is the last one of a row in `ignored`, where it would close a circle: it may be what counts again.
    """
    last = {moved.key: at for at, moved in enumerate(moves)}
    standing = {last[key] for key in ignored if key in last}
    first = next((at for at, moved in enumerate(moves) if moved.by not in horizon or at in standing), len(moves))
    return moves[first:]


def row_digest(row: RowId, values: Mapping[str, SqlValue]) -> int:
    """Return 64 bits of a hash of a row as SQL sees it."""
    return int.from_bytes(hashlib.blake2b(canonical(row, values).encode(), digest_size=8).digest(), "big")


def table_digest(digests: Collection[int]) -> int:
    """Return the digest of a table: those of its rows, XORed, so that a change costs the rows that changed."""
    digest = 0
    for one in digests:
        digest ^= one
    return digest
