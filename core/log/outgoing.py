"""What another replica lacks: commits read back out of the log, in an order in which each follows its parents.

    vector of theirs  {A: 3}      runs here  1..5 A, 6..7 B, 8.. A       ->  A:4, A:5, B:1, B:2, A:6, ...

The order of arrival is causal, so nothing is sorted; runs that the other has are skipped without a look at them. The
text of a commit is put together from what is stored, without reading its ops. One that a hub has rejected goes out
without its values.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ..clock import stamp_ms
from ..errors import ForgottenError
from ..store import Connection
from .commit import Commit, CommitId, Withheld
from .encoding import compose, decode, decode_ops, encode
from .envelopes import Envelope, withheld
from .fates import Fates
from .lanes import Runs
from .vector import Vector

__all__ = ["Outgoing", "commits_beyond", "kept_at", "kept_beyond", "outgoing", "text_at", "text_of", "texts_beyond"]

_COMMIT = (
    "SELECT hlc, ops, left_out, hash, coalesce(actor, ''), coalesce(command, ''), coalesce(args, ''), "
    "coalesce(message, ''), sent_ms FROM main._eddy_commits WHERE id = ?"
)


@dataclass(frozen=True, slots=True)
class Outgoing:
    """Some of what another replica lacks, all of one state: texts of commits, and every envelope after a number.

    `ids` are those of the commits, `vector` is what who has the commits has beside what was asked; `serial` the number
    of the newest envelope, `left` how many commits are still to come.
    """

    texts: tuple[str, ...]
    ids: tuple[CommitId, ...]
    vector: Vector
    envelopes: tuple[Envelope, ...]
    serial: int
    left: int

    def commits(self) -> list[Commit]:
        """Return the commits."""
        return [decode(text) for text in self.texts]


def outgoing(
    conn: Connection, beyond: Vector, *, after: int = 0, limit: int | None = None, size_bytes: int | None = None
) -> Outgoing:
    """Return the first commits that `beyond` lacks, at most `limit` and `size_bytes`, but one at least."""
    runs, fates = Runs(conn), Fates.read(conn)
    total = sum(len(numbers) for numbers in runs.beyond(beyond))
    texts, ids, size, vector = list[str](), list[CommitId](), 0, beyond
    for commit, text in _texts(conn, runs, fates, beyond):
        size += len(text.encode()) + 1
        if len(texts) == limit or (texts and size_bytes is not None and size > size_bytes):
            break
        texts.append(text)
        ids.append(commit)
        vector = vector.plus(commit)
    return Outgoing(tuple(texts), tuple(ids), vector, tuple(fates.after(after)), fates.last_no, total - len(texts))


def texts_beyond(conn: Connection, vector: Vector) -> Iterator[str]:
    """Yield the canonical texts of the commits that are here and not in `vector`, each after its parents.

    Raises `ForgottenError` where the log no longer has what a commit said.
    """
    for _, text in _texts(conn, Runs(conn), Fates.read(conn), vector):
        yield text


def kept_beyond(conn: Connection, vector: Vector) -> Iterator[Commit]:
    """Yield the commits that are here and not in `vector` with all that is here of them, the rejected ones, too."""
    runs, fates = Runs(conn), Fates.read(conn)
    for numbers in runs.beyond(vector):
        for number in numbers:
            yield _kept(conn, runs, fates, number)


def kept_at(conn: Connection, commit: CommitId) -> Commit:
    """Return a commit that is here with all that is here of it. Raises `ForgottenError`."""
    runs = Runs(conn)
    return _kept(conn, runs, Fates.read(conn), runs.number(commit))


def _kept(conn: Connection, runs: Runs, fates: Fates, number: int) -> Commit:
    reason = fates.reason(runs.commit(number))
    if reason:
        found = conn.execute("SELECT ops FROM main._eddy_commits WHERE id = ?", (number,)).fetchone()
        if found is not None and any(isinstance(op, Withheld) for op in decode_ops(found[0])):
            return decode(_rejected(conn, runs, number, reason))
    return decode(text_of(conn, runs, number))


def commits_beyond(conn: Connection, vector: Vector) -> Iterator[Commit]:
    """Yield the commits of `texts_beyond`."""
    return map(decode, texts_beyond(conn, vector))


def _texts(conn: Connection, runs: Runs, fates: Fates, vector: Vector) -> Iterator[tuple[CommitId, str]]:
    for numbers in runs.beyond(vector):
        for number in numbers:
            at = runs.commit(number)
            reason = fates.reason(at)
            yield at, _rejected(conn, runs, number, reason) if reason else text_of(conn, runs, number)


def text_at(conn: Connection, commit: CommitId) -> str:
    """Return the text of a commit that is here as it is handed on now. Raises `ForgottenError`."""
    runs = Runs(conn)
    number, reason = runs.number(commit), Fates.read(conn).reason(commit)
    return _rejected(conn, runs, number, reason) if reason else text_of(conn, runs, number)


def text_of(conn: Connection, runs: Runs, number: int) -> str:
    """Return the canonical text of a commit. Raises `ForgottenError` where the log no longer has what it said."""
    at = runs.commit(number)
    found = conn.execute(_COMMIT, (number,)).fetchone()
    if found is None or found[2]:
        raise ForgottenError(
            f"the log no longer has all that commit {at} said: it was compacted, or is of a table with history='none' "
            "and older than the first connection to a server; a snapshot (db.snapshot) holds what it came to",
            lane=at.lane,
            seq=at.seq,
        )
    hlc, ops, _, _, actor, command, args, message, sent_ms = found
    words = (actor, command, args, message, runs.schema(number), _previous(conn, runs, at))
    sent = stamp_ms(hlc) if sent_ms is None else sent_ms
    return compose(at.lane, at.seq, runs.parents(number).to_json(), hlc, sent, words, ops)


def _rejected(conn: Connection, runs: Runs, number: int, reason: str) -> str:
    """Return the text of a commit without its values; of some that is all that is here."""
    at = runs.commit(number)
    hlc, ops, _, whole, actor, command, _, _, sent_ms = conn.execute(_COMMIT, (number,)).fetchone()
    sent = stamp_ms(hlc) if sent_ms is None else sent_ms
    commit = Commit(
        at.lane, at.seq, runs.parents(number), hlc, decode_ops(ops), actor, command, "", "", sent, runs.schema(number),
        _previous(conn, runs, at), whole=whole.hex(),
    )  # fmt: skip
    return encode(withheld(commit, reason))


def _previous(conn: Connection, runs: Runs, at: CommitId) -> str:
    if at.seq == 1:
        return ""
    number = runs.number(CommitId(at.lane, at.seq - 1))
    return str(conn.execute("SELECT hash FROM main._eddy_commits WHERE id = ?", (number,)).fetchone()[0].hex())
