"""The file beside the file: by it a database knows whether it is the one it was, or a copy or an older state of itself.

    tracker.db          _eddy_meta: nonce 5f..      the nonce moves with the first commit of each session
    tracker.db-eddy     {"nonce": "5f..", "inode": 7340, "last": 112, "size": .., "mtime": ..}
                        locked, shared, by everyone who has the database open; `last` and after only from a clean end

A lane goes on only if nothing can have been written to it that isn't here: the nonces agree, the file is the same one,
and the last session ended cleanly where the log ends now, or is still going on. In every other case (a copy, a backup
put back, a crash) the next write begins a lane of its own, so no two commits ever share a name.
After a clean end the file's size and time say besides whether another program has written since.
Where files can't be locked (no `fcntl`) an open session counts as a crash: a lane more, nothing lost.
"""

from __future__ import annotations

import json
import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import Any

from ..schema.meta import read_meta, write_meta
from ..store import Connection

try:
    import fcntl
except ImportError:  # Windows, browsers
    fcntl = None  # type: ignore[assignment]  # then nothing is locked

__all__ = ["Instance", "last_commit", "read_nonce"]

_SUFFIX = "-eddy"


class Instance:
    """What a session knows of its file. `same`: its lanes go on; `untouched`: nobody has written since the last end."""

    def __init__(self, path: Path, conn: Connection) -> None:
        self._path, self._beside = path, path.with_name(path.name + _SUFFIX)
        self._file = os.open(self._beside, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o644)
        alone = self._lock()
        record = self._read()
        nonce = read_nonce(conn)
        known = bool(nonce) and record.get("nonce") == nonce and record.get("inode") == self._inode()
        ended = record.get("last") == last_commit(conn)
        self._alive = not alone and (known or (not nonce and not record))
        self.same = self._alive or (known and ended)
        self.untouched = known and ended and alone and record.get("found") == self._found()
        self._nonce = nonce if self.same else ""
        self._share()

    @classmethod
    def of(cls, conn: Connection) -> Instance | None:
        """Return that of the main database of `conn`; None for one in memory, or where nothing can be put beside it."""
        name = next((row[2] for row in conn.execute("PRAGMA database_list").fetchall() if row[1] == "main"), "")
        if not name:
            return None
        try:
            return cls(Path(name), conn)
        except OSError:
            return None

    def begin(self, conn: Connection) -> None:
        """Note in the file and beside it that lanes are written from now on; inside the transaction that does."""
        if self._alive:  # others have the session open: it is theirs, too
            return
        nonce = secrets.token_hex(8)
        write_meta(conn, "nonce", nonce)
        self._write({"nonce": nonce, "inode": self._inode()})
        self._nonce = nonce

    def end(self, last: int, nonce: str) -> None:
        """Note that the session ended with commit `last`, when every connection is closed, unless others go on."""
        try:
            if nonce and nonce == self._nonce and self._lock():
                self._mark_time()
                self._write({"nonce": nonce, "inode": self._inode(), "last": last, "found": self._found()})
        except OSError:
            pass  # the file is gone, or may not be written any more: the next session begins a lane of its own
        finally:
            os.close(self._file)

    def _lock(self) -> bool:
        """Take the lock alone; False if others have it."""
        if fcntl is None:
            return True
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            fcntl.flock(self._file, fcntl.LOCK_SH)  # waits for one who is deciding just now
            return False
        return True

    def _share(self) -> None:
        if fcntl is not None:
            fcntl.flock(self._file, fcntl.LOCK_SH)

    def _read(self) -> dict[str, Any]:  # Any: parsed JSON
        try:
            os.lseek(self._file, 0, os.SEEK_SET)
            record = json.loads(os.read(self._file, 4096) or b"{}")
        except ValueError:
            return {}
        return record if isinstance(record, dict) else {}

    def _write(self, record: dict[str, object]) -> None:
        os.ftruncate(self._file, 0)
        os.lseek(self._file, 0, os.SEEK_SET)
        os.write(self._file, json.dumps(record).encode())

    def _inode(self) -> int:
        return self._path.stat().st_ino

    def _mark_time(self) -> None:
        """Give the files a time that no later write gets: the system's moves in steps, one may follow within ours."""
        with suppress(OSError):  # they aren't ours: then only a write within the step of our last one goes unnoticed
            for path in self._files():
                at = path.stat()
                os.utime(path, ns=(at.st_atime_ns, at.st_mtime_ns - 1_000_000))

    def _found(self) -> list[int]:
        """Return what changes whenever anyone writes: size and time of the file and of SQLite's own log beside it."""
        return [number for one in map(Path.stat, self._files()) for number in (one.st_size, one.st_mtime_ns)]

    def _files(self) -> list[Path]:
        wal = self._path.with_name(self._path.name + "-wal")
        return [self._path, wal] if wal.exists() and wal.stat().st_size else [self._path]


def read_nonce(conn: Connection) -> str:
    """Return the nonce in the file, "" where no commit was ever written."""
    found = read_meta(conn, "nonce")
    return found if isinstance(found, str) else ""


def last_commit(conn: Connection) -> int:
    """Return the number of the newest commit, 0 if there is none."""
    return int(conn.execute("SELECT coalesce(max(id), 0) FROM main._eddy_commits").fetchone()[0])
