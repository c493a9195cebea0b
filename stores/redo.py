"""The redo log of a database that a worker keeps: what a commit changed, on the disk before IndexedDB has it.

    save         record --write, flush--> file 0   [s1>s2][s2>s3]                  head in IndexedDB: s1
    checkpoint   the next records go to   file 1   [s3>s4][s4>s5]                  head: s3, in one transaction
    checkpoint   and then again to        file 0   [s5>s6] [s2>s3], of old         head: s5

    opened after a crash: head s5, files as above  -->  s5>s6 is done again, the rest has nothing to follow

A state of the database has a stamp, drawn at random; a record says which state it follows and which it makes, and has a
checksum. `replay` begins at the state that IndexedDB holds and follows the chain. So nothing has to be erased, nothing
depends on what became of a file that was being overwritten, and a log that belongs to another database, to one that was
deleted or to a past that went on without it follows nothing. A torn record is none.

    appended     only after the record before it has been flushed, and only where the chain reaches back to IndexedDB
    overwritten  a file that a finished checkpoint covers; while one is under way the other file takes the records

After a failed write nobody knows what the file holds, so the log then follows nothing until a checkpoint has succeeded.
A handle is the browser's `FileSystemSyncAccessHandle`: what was written and not flushed may be there, or in parts.
Cost of an append: the changed pages and 28 bytes, one write and one flush. Idea: ARIES, with a log of two halves.
"""

from __future__ import annotations

import secrets
import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Protocol
from zlib import crc32

__all__ = ["STAMP_BYTES", "Handle", "RedoLog", "draw_stamp", "replay"]

STAMP_BYTES = 8
_MAGIC = b"eRd1"
_HEAD = struct.Struct(f">4sII{STAMP_BYTES}s{STAMP_BYTES}s")  # magic, checksum, length, stamp before, stamp after
_CHECKED = 8  # what the checksum covers begins here


class Handle(Protocol):
    """What the log asks of a file that this worker alone has open."""

    def write(self, data: bytes, at: int, /) -> int: ...
    def flush(self) -> None: ...
    def truncate(self, size: int, /) -> None: ...
    def close(self) -> None: ...


def draw_stamp() -> bytes:
    """Return the name of a new state."""
    return secrets.token_bytes(STAMP_BYTES)


class RedoLog:
    """Two files that take turns."""

    def __init__(self, files: Sequence[Handle], stamp: bytes | None, *, draw: Callable[[], bytes] = draw_stamp) -> None:
        """`stamp`: the state that IndexedDB holds, None where it isn't the newest: then a checkpoint comes first."""
        self._files, self._draw = files, draw
        self._stamp = stamp
        self._renewing: bytes | None = None
        self._current, self._end = 0, 0
        self._turned = False

    @property
    def follows(self) -> bool:
        """Whether records may be appended."""
        return self._stamp is not None

    def append(self, change: bytes) -> None:
        """Have `change` on the disk. Raises what the file raised; then nothing may be appended before a checkpoint."""
        assert self._stamp is not None, "a record that follows nothing would never be found"
        after = self._draw()
        record = _record(self._stamp, after, change)
        file, self._stamp = self._files[self._current], None
        if (written := file.write(record, self._end)) != len(record):
            raise OSError(f"only {written} of {len(record)} bytes were written")
        file.flush()
        self._stamp, self._end = after, self._end + len(record)

    def checkpoint(self) -> bytes:
        """Begin to bring IndexedDB up to what is appended; return the stamp that goes into its head.

        Where nothing may be appended, the checkpoint takes all there is in memory, and the chain begins anew with it.
        """
        if self._stamp is None:
            self._renewing = self._draw()
            return self._renewing
        self._renewing = None
        if not self._turned:
            self._turned, self._current, self._end = True, 1 - self._current, 0
        return self._stamp

    def checkpointed(self, stamp: bytes) -> None:
        """Hear that IndexedDB has `stamp`, so that the file before may be overwritten."""
        self._turned = False
        if stamp == self._renewing:
            self._stamp, self._renewing, self._end = stamp, None, 0

    def close(self, *, empty: bool) -> None:
        """Let another context open the files; `empty`: IndexedDB has everything, give back their room."""
        for file in self._files:
            if empty:
                with suppress(Exception):  # what is left of it follows nothing
                    file.truncate(0)
            file.close()


def replay(stamp: bytes, files: Iterable[bytes]) -> Iterator[bytes]:
    """Yield what was changed since the state `stamp`, oldest first, out of what the files hold."""
    records = {before: (after, change) for data in files for before, after, change in _records(data)}
    while (found := records.pop(stamp, None)) is not None:
        stamp, change = found
        yield change


def _record(before: bytes, after: bytes, change: bytes) -> bytes:
    checked = _HEAD.pack(_MAGIC, 0, len(change), before, after)[_CHECKED:] + change
    return _MAGIC + crc32(checked).to_bytes(4, "big") + checked


def _records(data: bytes) -> Iterator[tuple[bytes, bytes, bytes]]:
    """Yield the whole records that a file begins with: the state before, the state after, the change."""
    at = 0
    while at + _HEAD.size <= len(data):
        magic, checksum, length, before, after = _HEAD.unpack_from(data, at)
        end = at + _HEAD.size + length
        if magic != _MAGIC or end > len(data) or crc32(data[at + _CHECKED : end]) != checksum:
            return
        yield before, after, data[at + _HEAD.size : end]
        at = end
