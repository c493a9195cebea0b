"""What the demo is opened on: the sample in the user's data folder, a file of the user's, or a temporary copy of one.

sample   ours: may be written       .../eddyline/issues.db
file     the user's: never written by the demo, journal mode and schema stay
copy     ours: may be written       a temporary folder, gone when closed
joined   a replica of a server's    .../eddyline/joined/
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import sys
import tempfile
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import quote

from eddyline import LockedError, OpenError

__all__ = ["Kind", "Target", "copy_of", "data_folder", "has_tables", "sample_target"]

Kind = Literal["sample", "file", "copy", "joined"]

COPY_BYTES_MAX = 1_000_000_000
LOCK_WAIT_S = 2.0


@dataclass(frozen=True, slots=True)
class Target:
    """A database to open. `shown` is the path that the user knows; `folder` is removed when it is closed."""

    path: Path
    kind: Kind
    shown: str
    folder: Path | None = None

    @property
    def writable(self) -> bool:
        """Whether the demo may write to it."""
        return self.kind != "file"

    def remove(self) -> None:
        """Remove the temporary folder, if it has one."""
        if self.folder is not None:
            shutil.rmtree(self.folder, ignore_errors=True)


def data_folder() -> Path:
    """Return the folder for data of this user: `$XDG_DATA_HOME/eddyline`, or where the platform keeps such things."""
    home = Path.home()
    if os.environ.get("XDG_DATA_HOME"):
        base = Path(os.environ["XDG_DATA_HOME"])
    elif sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = home / "Library" / "Application Support"
    else:
        base = home / ".local" / "share"
    return base / "eddyline"


def sample_target() -> Target:
    """Return the sample in the user's data folder; the folder is made."""
    folder = data_folder()
    path = folder / "issues.db"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OpenError(f"can't make the folder {str(folder)!r} for the sample: {error}", path=str(path)) from error
    return Target(path, "sample", shown(path))


def shown(path: Path) -> str:
    """Return `path` as a user writes it, `~` for the home."""
    absolute = path.absolute()
    if absolute.is_relative_to(Path.home()):
        return str(Path("~") / absolute.relative_to(Path.home()))
    return str(path)


def copy_of(path: Path) -> Target:
    """Return a temporary copy of the database at `path`, whole even while others write to it.

    Raises `OpenError` for what can't be read or is larger than a gigabyte, `LockedError` for a lock held too long.
    """
    check_file(path)
    if path.stat().st_size > COPY_BYTES_MAX:
        raise OpenError(
            f"{str(path)!r} is larger than {COPY_BYTES_MAX // 10**6:,} MB: too large to copy", path=str(path)
        )
    folder = Path(tempfile.mkdtemp(prefix="eddyline-demo-"))
    copy = folder / path.name
    try:
        source = f"file:{quote(str(path.resolve()))}?mode=ro"
        with (
            closing(sqlite3.connect(source, uri=True, timeout=LOCK_WAIT_S)) as old,
            closing(sqlite3.connect(copy)) as new,
        ):
            old.execute("SELECT count(*) FROM sqlite_schema").fetchone()  # a wrong file or a lock shows here
            old.backup(new)
    except sqlite3.Error as error:
        shutil.rmtree(folder, ignore_errors=True)
        if "locked" in str(error):
            raise LockedError(f"{str(path)!r} is locked by another program", waited_s=LOCK_WAIT_S) from error
        raise OpenError(f"can't read {str(path)!r}: {error}", path=str(path)) from error
    return Target(copy, "copy", shown(path), folder)


def check_file(path: Path) -> None:
    """Raise `OpenError` unless `path` is a file."""
    if path.is_dir():
        raise OpenError(f"{str(path)!r} is a folder; name a database file in it", path=str(path))
    if not path.exists():
        raise OpenError(
            f"there is no file {str(path)!r}; check the path, or leave it out for the sample", path=str(path)
        )


def has_tables(path: Path) -> bool:
    """Say whether the file holds anything: Eddyline settles the journal mode of one that doesn't.

    What can't be read counts as holding something: the one who opens it says what is wrong.
    """
    try:
        with closing(sqlite3.connect(f"file:{quote(str(path.resolve()))}?mode=ro", uri=True, timeout=0)) as conn:
            return bool(conn.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0])
    except sqlite3.Error:
        return True
