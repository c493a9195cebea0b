"""The door of an import: the file, its format and its limits, each checked once.

| format | suffixes | holds |
|---|---|---|
| csv | .csv | a header line, then one line a row; the delimiter is that of the header |
| tsv | .tsv .tab | the same, with tabs |
| json | .json | a list of objects, or one object; read whole, so at most 256 MB |
| ndjson | .ndjson .jsonl | one object a line |
| sqlite | .db .sqlite .sqlite3 .db3 | tables |

The first bytes decide where they are SQLite's, else the suffix, else what the first bytes look like.
"""

from __future__ import annotations

import codecs
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, get_args

from ..errors import ImportFileError, ParameterError
from ..schema.table import TableSpec
from ..values import has_lone_surrogate
from .result import ImportFormat

__all__ = ["Source", "failure", "source_of"]

JSON_BYTES_MAX: Final = 256_000_000
LINE_CHARS_MAX: Final = 64_000_000
COLUMNS_MAX: Final = 1_000

_SUFFIXES: dict[str, ImportFormat] = {
    ".csv": "csv", ".tsv": "tsv", ".tab": "tsv", ".json": "json", ".ndjson": "ndjson", ".jsonl": "ndjson",
    ".db": "sqlite", ".sqlite": "sqlite", ".sqlite3": "sqlite", ".db3": "sqlite",
}  # fmt: skip
_SQLITE_MAGIC = b"SQLite format 3\0"


@dataclass(frozen=True, slots=True)
class Source:
    """A file to import, checked at the door. `into` is None where every table of a SQLite file keeps its name.

    `models` are the tables that models describe, by name in lower case.
    """

    path: Path
    format: ImportFormat
    into: str | None
    table: str | None
    key: tuple[str, ...]
    alter: bool
    encoding: str
    delimiter: str | None
    empty_is_null: bool
    size_bytes: int
    models: Mapping[str, TableSpec]

    def state(self) -> tuple[int, int, int]:
        """Return what changes when another program writes to the file."""
        found = os.stat(self.path)
        return found.st_ino, found.st_size, found.st_mtime_ns


def failure(path: Path, message: str, *, line: int | None = None) -> ImportFileError:
    """Return the error of a file: `message` says what was found and what to do."""
    place = "" if line is None else f", line {line}"
    return ImportFileError(f"{str(path)!r}{place}: {message}; nothing was imported", path=str(path), line=line)


def source_of(
    file: object,
    *,
    into: str | None,
    format: str | None,
    table: str | None,
    key: str | Iterable[str] | None,
    alter: bool,
    encoding: str,
    delimiter: str | None,
    empty_is_null: bool,
    models: Mapping[str, TableSpec],
) -> Source:
    """Return the checked source. Raises `ParameterError` for an argument, `ImportFileError` for the file itself."""
    path = _path(file)
    _check_text_encoding(encoding)
    _check_delimiter(delimiter)
    kind = _format(path, format)
    if table is not None and kind != "sqlite":
        raise ParameterError(f"table= names a table of a SQLite file; {str(path)!r} is {kind}: use into=")
    size_bytes = path.stat().st_size
    if kind == "json" and size_bytes > JSON_BYTES_MAX:
        raise failure(
            path,
            f"JSON is read whole, and {size_bytes:,} bytes are more than {JSON_BYTES_MAX:,}; write it as NDJSON, one "
            "object a line",
        )
    if into is None and kind != "sqlite":
        into = path.stem
    return Source(
        path,
        kind,
        None if into is None else _name(into, "into"),
        None if table is None else _name(table, "table"),
        _names(key),
        bool(alter),
        encoding,
        delimiter,
        bool(empty_is_null),
        size_bytes,
        models,
    )


def _path(file: object) -> Path:
    if not isinstance(file, str | os.PathLike):
        raise ParameterError(f"import_file takes the path of a file, not {type(file).__name__}")
    try:
        path = Path(file)
        if path.is_dir():
            raise failure(path, "this is a folder; name a file in it")
        if not path.exists():
            raise failure(path, "there is no such file; check the path")
        if not path.is_file():
            raise failure(path, "this is no regular file, and it is read twice; save what comes out of it first")
        with open(path, "rb") as opened:
            opened.read(1)
    except (OSError, TypeError, ValueError) as error:
        raise ImportFileError(f"{file!r} can't be read: {error}", path=str(file), line=None) from error
    return path


def _format(path: Path, named: str | None) -> ImportFormat:
    known = get_args(ImportFormat)
    if named is not None and named not in known:
        raise ParameterError(f"format is one of {', '.join(known)}, not {named!r}")
    with open(path, "rb") as file:
        first = file.read(4096)
    is_sqlite = first.startswith(_SQLITE_MAGIC)
    if named is None:
        guess = "sqlite" if is_sqlite else _SUFFIXES.get(path.suffix.lower()) or _looks_like(first)
        if guess is None:
            raise failure(path, f"its name doesn't say what it holds; say format=, one of {', '.join(known)}")
        found: str = guess
    else:
        found = named
    if (found == "sqlite") != is_sqlite:
        there = "a SQLite database" if is_sqlite else "no SQLite database"
        raise failure(path, f"asked for as {found}, but it is {there}; say the format that it has")
    if not first.strip():
        raise failure(path, "the file is empty")
    return found  # type: ignore[return-value]  # one of the formats, by the lines above


def _looks_like(first: bytes) -> ImportFormat | None:
    lines = [line.strip() for line in first.removeprefix(codecs.BOM_UTF8).splitlines() if line.strip()]
    if not lines:
        return "csv"  # said to be empty further on
    if lines[0].startswith(b"["):
        return "json"
    if lines[0].startswith(b"{"):
        return "ndjson" if lines[0].endswith(b"}") and len(lines) > 1 else "json"
    return None


def _check_text_encoding(encoding: object) -> None:
    try:
        if not isinstance(encoding, str):
            raise LookupError(f"an encoding is a name, not {type(encoding).__name__}")
        "".encode(encoding)
    except (LookupError, ValueError) as error:
        raise ParameterError(f"encoding {encoding!r}: {error}; write 'utf-8', 'latin-1', 'utf-16'") from None


def _name(name: object, argument: str) -> str:
    """Return `name`, which a table of the user's may have."""
    if not isinstance(name, str) or not name.strip() or "\0" in name or has_lone_surrogate(name):
        raise ParameterError(f"{argument} is the name of a table, not {name!a:.60}")
    if name.lower().startswith(("sqlite_", "_eddy_")):
        raise ParameterError(f"{argument}={name!r}: names that begin with sqlite_ or _eddy_ are not for users' tables")
    return name


def _check_delimiter(delimiter: object) -> None:
    if delimiter is None or (isinstance(delimiter, str) and len(delimiter) == 1 and delimiter not in '\r\n"'):
        return
    raise ParameterError(f"delimiter is one character, neither quote nor line end, not {delimiter!r}")


def _names(key: object) -> tuple[str, ...]:
    if key is None:
        return ()
    names = tuple(key) if isinstance(key, Iterable) and not isinstance(key, str) else (key,)
    if not names or not all(isinstance(name, str) and name for name in names):
        raise ParameterError(f"key is the name of a column, or a list of several, not {key!r:.60}")
    return tuple(dict.fromkeys(map(str, names)))
