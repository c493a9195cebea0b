"""The texts of a database: the documents of its text columns, as SQL keeps them beside the rows.

    issue 01K..     body "Hello, all"                       what SQL sees: the projection, written with each commit
    _eddy_texts     01K.., body, life 1: epoch, state       the document as it was folded last
    _eddy_text_updates    + update of commit 57, of 58, ..  what came since: an edit is one small row more

A row gets a document with its first edit; until then its column is a cell like any other. Which commits a document is
made of is kept with it, the newest of each lane, for conflicts and blame.
Documents that were opened stay open, the last `_OPEN_MAX`, until another program writes or their transaction is undone:
a keystroke reads nothing. Cost: an edit one row; every so often, in proportion to its size, the document is folded.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from ..errors import ConstraintError
from ..schema.meta import read_meta
from ..store import Connection
from ..text.engines import has_engine
from ..text.positions import read_state_vector
from ..text.structs import lacks
from ..values import SqlValue, shown
from .commit import CommitId, Key, Op, Put, TextUpdate
from .drafts import Draft, TextId, begun
from .encoding import decode_ops, key_text, quoted, row_text
from .life import Cell, RowId
from .rows import Outcome, Reader
from .tables import LoggedTable
from .text_merge import TextMerge, with_texts

__all__ = ["TextHead", "TextNews", "Texts"]

_OPEN_MAX = 64
_UPDATES_MIN = 256  # a document isn't folded before so many updates have come
_UPDATE_BYTES = 64  # nor before they weigh about as much as its state

_FIND = (
    "SELECT no, epoch, put, loose, state, seen FROM main._eddy_texts "
    "WHERE (table_id, row_key, column_id, incarnation) = (?, ?, ?, ?)"
)
_KEEP = "INSERT INTO main._eddy_text_updates VALUES (?, ?, ?, ?)"
_UPDATES = "SELECT commit_id, data FROM main._eddy_text_updates WHERE text = ? ORDER BY commit_id, n"
_BEGIN = (
    "INSERT INTO main._eddy_texts (table_id, row_key, column_id, incarnation, epoch, put, loose, seen, state) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, '[]', x'') RETURNING no"
)
_EDITS = (
    "SELECT o.value FROM main._eddy_commits AS c, json_each(c.ops) AS o "
    "WHERE c.id <= ? AND o.value ->> '$[0]' = 'text' ORDER BY c.id, o.key"
)
_HEADS = "SELECT column_id, put, loose FROM main._eddy_texts WHERE (table_id, row_key, incarnation) = (?, ?, ?)"
_LANE = "SELECT lane FROM main._eddy_runs WHERE id <= ? ORDER BY id DESC LIMIT 1"


class TextHead(NamedTuple):
    """What a document is made of: the number of its cell's commit, those of the last ones that updated it, by lane."""

    put: int
    seen: tuple[int, ...]


class TextNews(NamedTuple):
    """What became of a text that is open somewhere: an update, told by `source`; without one it has to be read anew."""

    at: TextId
    epoch: int = 0
    update: bytes | None = None
    source: object = None


class _Stored:
    """What is stored of an open draft; `no` is 0 where nothing is yet.

    `seen` are the commits that it is made of, the last of each lane; `since` those whose lane wasn't asked for yet.
    """

    __slots__ = ("draft", "last", "no", "seen", "since", "source", "staged", "state_bytes", "updates", "vector")

    def __init__(self, draft: Draft, no: int = 0, state_bytes: int = 0) -> None:
        self.draft, self.no, self.state_bytes = draft, no, state_bytes
        self.updates = self.last = 0
        self.seen: dict[int, int] = {}
        self.since: list[int] = []
        self.staged: list[bytes] = []
        self.vector = b""
        self.source: object = None


class Texts(TextMerge):
    """The documents of one database, as its writer connection keeps them."""

    def __init__(self) -> None:
        self._conn: Connection
        self._open: dict[TextId, _Stored] = {}
        self._moved: set[TextId] = set()  # by the open transaction
        self._unkept: set[TextId] = set()  # edited, and not in a commit yet
        self._columns: dict[str, frozenset[str]] | None = None
        self._number = 0
        self.on_news: Callable[[Sequence[TextNews]], None] = lambda news: None
        self._watched: dict[tuple[str, Key], int] = {}  # how often a row's texts are open somewhere
        self._news: list[TextNews] = []
        self._touched: set[tuple[str, Key]] = set()

    # -- what is there

    def columns(self, table: LoggedTable) -> frozenset[str]:
        """Return the columns of `table` that are texts, by their ids: declared as such, or edited as such by anyone."""
        return table.texts | self._known().get(table.id, frozenset())

    def has(self, table: str, column: str) -> bool:
        """See `TextMerge`."""
        return column in self._known().get(table, ())

    def heads(self, table: str, key: Key, incarnation: int) -> dict[str, TextHead]:
        """Return what the documents of one life of a row are made of, by column."""
        found = {}
        for column, put, _ in self._conn.execute(_HEADS, (table, key_text(key), incarnation)).fetchall():
            stored = self._find(TextId(table, key, incarnation, column))
            assert stored is not None, "it was just read"
            found[column] = TextHead(put, self._seen(stored))
        return found

    def find(self, at: TextId) -> Draft | None:
        """See `TextMerge`."""
        stored = self._find(at)
        return None if stored is None else stored.draft

    # -- what we write

    def at_commit(self, number: int) -> None:
        """Know under which number updates are kept from now on."""
        self._number = number

    def edit(self, at: TextId, old: SqlValue, new: SqlValue, put: int, *, strict: bool = True) -> bytes | None:
        """Return the update that makes `new` of a text, b"" if it is that; None where it is to be put as a value.

        So it is where no document is there and either is no text, or no engine is installed. `put` is the commit that
        `old` is from. Raises `ConstraintError` where a document would become something that is no text; not `strict`,
        it becomes empty.
        """
        stored = self._find(at)
        if stored is None:
            if not (isinstance(old, str) and isinstance(new, str) and has_engine()):
                return None
            stored = self._add(begun(at, old, put))
        elif not isinstance(new, str) and strict:
            raise ConstraintError(
                f"{at.table} {key_text(at.key)}: {at.column} is a text that was edited letter by letter; {shown(new)} "
                "is none: write '' for an empty one",
                sql="",
            )
        self._unkept.add(at)
        draft = stored.draft
        update = draft.edit(new if isinstance(new, str) else "")
        if stored.staged:
            update = self._with_staged(stored, update)
        return draft.told(update) if update else b""

    def stage(self, at: TextId, epoch: int, update: bytes, content: str, put: int, source: object) -> str | None:
        """Let a text's document take an update that `source` has made of it; return the text to write into the row.

        What is then written there goes into the commit as this update. None where the document is another one by now.
        """
        stored = self._find(at) or self._add(begun(at, content, put))
        document = stored.draft.document
        if stored.draft.epoch != epoch or lacks(update, read_state_vector(document.state_vector())):
            return None
        self._unkept.add(at)
        if not stored.staged:
            stored.vector = document.state_vector()
        stored.staged.append(update)
        stored.source = source
        document.apply(update)
        return str(document)

    def unstage(self, at: TextId) -> None:
        """Forget what was staged: it has changed nothing that is shown."""
        self._unkept.discard(at)
        self._open.pop(at).draft.close()

    def _with_staged(self, stored: _Stored, update: bytes) -> bytes:
        """Return what was staged, and `update`, which came after it."""
        staged, stored.staged = stored.staged, []
        if not update and len(staged) == 1:
            return staged[0]
        stored.source = None  # the one who staged has to hear of the rest
        return stored.draft.document.update_since(stored.vector)

    def keep_edit(self, at: TextId, n: int, update: bytes) -> str:
        """Store what `edit` has said as op `n` of the commit; return the op's canonical text."""
        draft = self._open[at].draft
        self.keep(draft, n, update)
        row = row_text("text", at.table, at.key, at.incarnation)
        return f'{row},{quoted(at.column)},{draft.epoch},"{b64encode(update).decode()}"]'

    def op(self, at: TextId, update: bytes) -> TextUpdate:
        """Return the op that says `update` of an open document."""
        return TextUpdate(at.table, at.key, at.incarnation, at.column, self._open[at].draft.epoch, update)

    def as_edits(self, op: Op) -> Iterator[Op]:
        """Yield what says the same as `op` with edits in the place of values, where documents are."""
        if not isinstance(op, Put):
            yield op
            return
        cells = dict(op.cells)
        for column in op.cells:
            at = TextId(op.table, op.key, op.incarnation, column)
            if self.find(at) is not None:
                update = self.edit(at, None, cells.pop(column), 0, strict=False)
                if update:
                    yield self.op(at, update)
        if cells or not op.cells:
            yield replace(op, cells=cells)

    # -- what a merge stores

    def add(self, draft: Draft) -> None:
        """See `TextMerge`."""
        self._add(draft)
        self._unkept.add(draft.at)

    def keep(self, draft: Draft, n: int, update: bytes) -> None:
        """See `TextMerge`."""
        stored = self._open[draft.at]
        self._moved.add(draft.at)
        self._unkept.discard(draft.at)
        if stored.no:
            self.keep_cell(draft)
        else:
            self._begin(stored)
        if stored.updates >= _UPDATES_MIN + stored.state_bytes // _UPDATE_BYTES and stored.last < self._number:
            self._write(stored, draft.epoch, draft.state())  # this update with it: it may come twice
        self._conn.execute(_KEEP, (stored.no, self._number, n, update))
        if self._watched and (draft.at.table, draft.at.key) in self._watched:
            self._news.append(TextNews(draft.at, draft.epoch, update, stored.source))
        stored.source = None
        stored.updates += 1
        stored.since.append(self._number)
        stored.last = self._number

    def keep_cell(self, draft: Draft) -> None:
        """See `TextMerge`."""
        self._moved.add(draft.at)
        self._conn.execute(
            "UPDATE main._eddy_texts SET put = ?1, loose = ?2 WHERE no = ?3 AND (put, loose) IS NOT (?1, ?2)",
            (draft.put, draft.loose, self._open[draft.at].no),
        )

    def renew(self, draft: Draft, epoch: int) -> None:
        """See `TextMerge`."""
        stored = self._open[draft.at]
        if stored.no:
            self._write(stored, epoch, b"")

    # -- what counts otherwise than before

    def anew(self, outcome: Outcome, reader: Reader, number: Callable[[CommitId], int]) -> Outcome:
        """Make the documents of rows anew, of which commits were rejected, or ordered otherwise; return their texts."""
        shown: dict[RowId, dict[str, Draft]] = {}
        for row, change in outcome.changes.items():
            columns = self._known().get(row.table, ())
            history = list(reader.history(row)) if columns else []
            for column in columns:
                for life in change.lives:
                    at = TextId(*row, life.incarnation, column)
                    draft = self._again(at, life.cells.get(column), history, reader, number)
                    if draft is not None:
                        shown.setdefault(row, {})[column] = draft
        return with_texts(outcome, shown)

    def keep_bases(self, last: int) -> None:
        """Keep what edits up to commit `last` make of texts, beside them: the log is about to forget those edits."""
        forgotten: dict[TextId, list[TextUpdate]] = {}
        for (text,) in self._conn.execute(_EDITS, (last,)).fetchall():
            for op in decode_ops(f"[{text}]"):
                assert isinstance(op, TextUpdate), "that was asked for"
                forgotten.setdefault(TextId(op.table, op.key, op.incarnation, op.column), []).append(op)
        for at, ops in forgotten.items():
            stored = self._find(at)
            if stored is not None:
                base = self._base(stored) or Draft(at, 0, 0)
                for op in ops:
                    base.take(op, saw_put=True)
                self._keep_base(stored, base)
                base.close()

    def forgotten(self, at: TextId) -> bytes:
        """Return what the log has forgotten of a text, as an update; b"" where it has all."""
        stored = self._find(at)
        base = None if stored is None else self._base(stored)
        return b"" if base is None else base.state()

    def _base(self, stored: _Stored) -> Draft | None:
        """Return what the log has forgotten of a text, None where it has all."""
        row = (stored.no,)
        base, epoch = self._conn.execute("SELECT base, base_epoch FROM main._eddy_texts WHERE no = ?", row).fetchone()
        return None if base is None else Draft(stored.draft.at, epoch, 0, None, [base])

    def _keep_base(self, stored: _Stored, base: Draft) -> None:
        row = (base.epoch, base.state(), stored.no)
        self._conn.execute("UPDATE main._eddy_texts SET base_epoch = ?, base = ? WHERE no = ?", row)

    def _again(
        self,
        at: TextId,
        cell: Cell | None,
        history: Sequence[tuple[CommitId, Op]],
        reader: Reader,
        number: Callable[[CommitId], int],
    ) -> Draft | None:
        """Make one document of the updates in `history`; None where none are left."""
        mine = [(by, op) for by, op in history if op.incarnation == at.incarnation]
        edits = [(by, op) for by, op in mine if isinstance(op, TextUpdate) and op.column == at.column]
        old = self._find(at)
        base, seen = (None, ()) if old is None else (self._base(old), self._seen(old))
        self.drop(at)
        if not edits and base is None:
            return None
        draft = Draft(at, 0, 0) if base is None else Draft(at, base.epoch, 0, None, [base.state()])
        if cell is not None:
            puts = [op.cells[at.column] for by, op in mine if by == cell.by and isinstance(op, Put)]
            draft.replace(number(cell.by), puts[0] if puts else None)
        for by, op in edits:
            draft.take(op, saw_put=cell is not None and (cell.by == by or cell.by in reader.parents(by)))
        floor = read_meta(self._conn, "floor")
        forgotten = [one for one in seen if isinstance(floor, int) and one <= floor]
        self.store(draft, [*forgotten, *(number(by) for by, _ in edits)])
        if base is not None:
            self._keep_base(self._open[at], base)
            base.close()
        return draft

    def store(self, draft: Draft, seen: Iterable[int]) -> None:
        """Store a document as a whole, made of the commits `seen`."""
        self.drop(draft.at)
        stored = self._add(draft)
        stored.since = sorted(seen)
        self._moved.add(draft.at)
        self.touch([(draft.at.table, draft.at.key)])
        self._begin(stored)
        self._write(stored, draft.epoch, draft.state())

    def drop(self, at: TextId) -> None:
        """Forget a document."""
        stored = self._find(at)
        if stored is not None:
            self._moved.add(at)
            self._conn.execute("DELETE FROM main._eddy_text_updates WHERE text = ?", (stored.no,))
            self._conn.execute("DELETE FROM main._eddy_texts WHERE no = ?", (stored.no,))
            self._open.pop(at).draft.close()
            self._columns = None
            self.touch([(at.table, at.key)])

    # -- who has texts open

    def watch(self, table: str, key: Key) -> None:
        """Tell of what becomes of a row's texts, as often as it is `unwatch`ed."""
        self._watched[table, key] = self._watched.get((table, key), 0) + 1

    def unwatch(self, table: str, key: Key) -> None:
        """Tell of a row's texts no more."""
        left = self._watched.pop((table, key), 0) - 1
        if left > 0:
            self._watched[table, key] = left

    def touch(self, rows: Iterable[tuple[str, Key]]) -> None:
        """Note that rows are written: if no update says how, their texts are to be read anew."""
        if self._watched:
            self._touched.update(row for row in rows if row in self._watched)

    # -- the life of a transaction

    def kept(self) -> None:
        """The transaction is committed."""
        for at in self._unkept:  # staged, and never written
            stored = self._open.pop(at, None)
            if stored is not None:
                stored.draft.close()
        self._moved.clear()
        self._unkept.clear()
        if self._touched or self._news:
            told = {(news.at.table, news.at.key) for news in self._news}
            anew = [TextNews(TextId(*row, 0, "")) for row in self._touched if row not in told]
            self.on_news([*self._news, *anew])
            self._touched.clear()
            self._news = []

    def undone(self) -> None:
        """The transaction is undone: what it has edited is read anew."""
        for at in self._moved | self._unkept:
            stored = self._open.pop(at, None)
            if stored is not None:
                stored.draft.close()
        self._columns = None
        self._touched.clear()
        self._news = []
        self.kept()

    def forget(self, conn: Connection | None = None) -> None:
        """Somebody else has written: read everything anew, from `conn` if it is given."""
        self._conn = conn or self._conn
        for stored in self._open.values():
            stored.draft.close()
        self._open.clear()
        self._columns = None

    # -- inside

    def _known(self) -> dict[str, frozenset[str]]:
        if self._columns is None:
            found: dict[str, frozenset[str]] = {}
            for table, column in self._conn.execute(
                "SELECT DISTINCT table_id, column_id FROM main._eddy_texts"
            ).fetchall():
                found[table] = found.get(table, frozenset()) | {column}
            self._columns = found
        return self._columns

    def _find(self, at: TextId) -> _Stored | None:
        stored = self._open.pop(at, None)
        if stored is not None:
            self._open[at] = stored  # the last one used stands last
            return stored
        if not self.has(at.table, at.column):
            return None
        found = self._conn.execute(_FIND, (at.table, key_text(at.key), at.column, at.incarnation)).fetchone()
        if found is None:
            return None
        no, epoch, put, loose, state, seen = found
        updates = self._conn.execute(_UPDATES, (no,)).fetchall()
        stored = self._add(Draft(at, epoch, put, loose, [state, *(data for _, data in updates)]), no, len(state))
        stored.updates = len(updates)
        stored.since = [*json.loads(seen), *dict.fromkeys(number for number, _ in updates)]
        return stored

    def _add(self, draft: Draft, no: int = 0, state_bytes: int = 0) -> _Stored:
        if len(self._open) >= _OPEN_MAX:
            for at in [at for at in self._open if at not in self._unkept][: len(self._open) + 1 - _OPEN_MAX]:
                self._open.pop(at).draft.close()
        stored = self._open[draft.at] = _Stored(draft, no, state_bytes)
        return stored

    def _begin(self, stored: _Stored) -> None:
        at, draft = stored.draft.at, stored.draft
        where = (at.table, key_text(at.key), at.column, at.incarnation)
        stored.no = self._conn.execute(_BEGIN, (*where, draft.epoch, draft.put, draft.loose)).fetchone()[0]
        self._columns = None

    def _seen(self, stored: _Stored) -> tuple[int, ...]:
        """Return the commits that a document is made of, the last of each lane."""
        for number in stored.since:
            stored.seen[self._conn.execute(_LANE, (number,)).fetchone()[0]] = number
        stored.since.clear()
        return tuple(sorted(stored.seen.values()))

    def _write(self, stored: _Stored, epoch: int, state: bytes) -> None:
        """Store a document as `state`, without updates since."""
        self._conn.execute("DELETE FROM main._eddy_text_updates WHERE text = ?", (stored.no,))
        self._conn.execute(
            "UPDATE main._eddy_texts SET epoch = ?, state = ?, seen = ? WHERE no = ?",
            (epoch, state, json.dumps(self._seen(stored)), stored.no),
        )
        stored.updates, stored.state_bytes = 0, len(state)
