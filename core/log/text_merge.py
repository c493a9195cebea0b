"""Merging texts: what a commit does to the documents of its rows, wherever those are kept.

    merge.py: cells, dots  ->  Outcome  --each text op-->  Draft  -->  Outcome with the texts that rows then show

Order doesn't matter: `drafts.py` says why. `TextMerge` is the rules; `texts.py` keeps drafts in SQL, `checking.py` in
memory while the log is merged again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from .commit import Commit, CommitId, Key, Put, TextUpdate
from .dots import covers
from .drafts import Draft, TextId
from .life import Life, RowId, alive
from .rows import Change, Outcome

__all__ = ["TextMerge", "with_texts"]


class TextMerge:
    """Where drafts are kept."""

    def find(self, at: TextId) -> Draft | None:
        """Return a draft that is there, opened."""
        raise NotImplementedError

    def add(self, draft: Draft) -> None:
        """Know of a draft that begins."""
        raise NotImplementedError

    def keep(self, draft: Draft, n: int, update: bytes) -> None:
        """Store what a draft has taken in by op `n` of the commit; b"" counted for nothing."""

    def keep_cell(self, draft: Draft) -> None:
        """Store which value a draft shows besides."""

    def renew(self, draft: Draft, epoch: int) -> None:
        """Forget what is stored of a draft's updates: a new epoch begins."""

    def touch(self, rows: Iterable[tuple[str, Key]]) -> None:
        """Note that rows are written."""

    def has(self, table: str, column: str) -> bool:
        """Say whether any row of `table` may have a document in `column`."""
        raise NotImplementedError

    def take(self, commit: Commit, outcome: Outcome, number: Callable[[CommitId], int]) -> Outcome:
        """Bring drafts to what `commit` makes of them; return `outcome` with the texts that rows then show."""
        moved: dict[RowId, dict[str, Draft]] = {}
        self.touch(outcome.changes)
        for n, op in enumerate(commit.ops):
            row = RowId(op.table, op.key)
            if isinstance(op, TextUpdate):
                at = TextId(*row, op.incarnation, op.column)
                life = _life(outcome.changes[row], op.incarnation)
                moved.setdefault(row, {})[op.column] = self._update(at, commit, op, n, life, number)
            elif isinstance(op, Put):
                for column in op.cells:
                    if not self.has(op.table, column):
                        continue
                    draft = self.find(TextId(*row, op.incarnation, column))
                    if draft is not None:
                        cell = _life(outcome.changes[row], op.incarnation).cells[column]
                        if cell.by == commit.id:
                            draft.replace(number(commit.id), cell.value)
                            self.keep_cell(draft)
                        moved.setdefault(row, {})[column] = draft
        return with_texts(outcome, moved)

    def _update(
        self, at: TextId, commit: Commit, op: TextUpdate, n: int, life: Life, number: Callable[[CommitId], int]
    ) -> Draft:
        cell = life.cells.get(at.column)
        saw_put = cell is not None and covers(commit, cell.by)
        draft = self.find(at)
        if draft is None:
            draft = Draft(at, op.epoch, 0 if cell is None else number(cell.by))
            if cell is not None and not saw_put:
                draft.replace(draft.put, cell.value)
            self.add(draft)
        elif op.epoch > draft.epoch:
            self.renew(draft, op.epoch)
        counts = draft.take(op, saw_put=saw_put)
        self.keep(draft, n, op.update if counts else b"")
        return draft


def _life(change: Change, incarnation: int) -> Life:
    return next(life for life in change.lives if life.incarnation == incarnation)


def with_texts(outcome: Outcome, moved: Mapping[RowId, Mapping[str, Draft]]) -> Outcome:
    """Return `outcome` with the texts of the lives that go on."""
    if not moved:
        return outcome
    changes = dict(outcome.changes)
    for row, drafts in moved.items():
        change, life = changes[row], alive(changes[row].lives)
        texts = {
            column: str(draft)
            for column, draft in drafts.items()
            if life is not None and draft.at.incarnation == life.incarnation
        }
        if texts and change.new is not None:
            changes[row] = Change(change.old, {**change.new, **texts}, change.lives)
    return replace(outcome, changes=changes)
