"""Records: the rows of a text file, one dict each, with the place that an error would name.

    for place, record in Records(source, stop): ...      from the start each time, in bounded memory
    {"name": "Ada", "born": "1815"}                      CSV: every cell is a text
    {"name": "Ada", "born": 1815}                        JSON, NDJSON: values as JSON has them

JSON is read by sqlite-utils' `rows_from_file`. CSV is read by Python's own reader in its strict mode: `rows_from_file`
turns a line end inside a cell into another, and can't say on which line it stopped. A line with fewer or more cells
than the header is an error: it is how a truncated or wrongly quoted file shows.
"""

from __future__ import annotations

import codecs
import csv
import io
import json
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, cast

from .files import COLUMNS_MAX, LINE_CHARS_MAX, Source, failure

__all__ = ["Records", "fold"]

_CELL_CHARS_MAX = 16_000_000
_DELIMITERS = ",;\t|"
_LOOK_EACH = 256


def fold(name: str) -> bytes:
    """Return `name` as SQLite compares names: only ASCII letters lose their case."""
    return name.encode("utf-8", "surrogatepass").lower()


class Records:
    """The rows of `source`; each iteration reads the file anew. `told(bytes)` is called now and then, and may raise."""

    def __init__(self, source: Source, told: Callable[[int], None]) -> None:
        self._source, self._told = source, told
        self._whole: list[Any] | None = None
        self.path = source.path
        self.unit = "object" if source.format == "json" else "line"

    def __iter__(self) -> Iterator[tuple[int, dict[str, Any]]]:
        match self._source.format:
            case "json":
                return self._json()
            case "ndjson":
                return self._lines()
        return self._delimited()

    @property
    def is_text(self) -> bool:
        """Whether every value is a text of which the file doesn't say what it means."""
        return self._source.format in ("csv", "tsv")

    # -- CSV and TSV

    def header(self) -> list[str]:
        """Return the names of the columns of a CSV file; one without a name is `column_N`."""
        with self._open() as file:
            return self._header(self._reader(file))

    def _delimited(self) -> Iterator[tuple[int, dict[str, Any]]]:
        source = self._source
        with self._open() as file:
            reader = self._reader(file)
            names = self._header(reader)
            start = reader.line_num + 1
            try:
                for at, cells in enumerate(reader):
                    if not at % _LOOK_EACH:
                        self._told(_read_of(file))
                    if len(cells) != len(names):
                        if not cells:  # a blank line
                            start = reader.line_num + 1
                            continue
                        raise failure(
                            source.path,
                            f"{len(cells)} cells where the header has {len(names)}; look for a delimiter or quote too "
                            "few or too many",
                            line=start,
                        )
                    yield start, dict(zip(names, cells, strict=True))
                    start = reader.line_num + 1
            except csv.Error as error:
                raise failure(
                    source.path, f"{error}; a quote inside a quoted cell is written twice", line=start
                ) from error
            except UnicodeError as error:
                raise self._undecodable(error) from error
            self._told(_read_of(file))

    def _open(self) -> io.TextIOWrapper:
        return open(self._source.path, encoding=_encoding(self._source.encoding), newline="")

    def _reader(self, text: io.TextIOWrapper) -> Any:  # Any: csv's reader has no public type
        source = self._source
        if csv.field_size_limit() < _CELL_CHARS_MAX:
            csv.field_size_limit(_CELL_CHARS_MAX)
        delimiter = source.delimiter or ("\t" if source.format == "tsv" else None)
        if delimiter is None:
            try:
                delimiter = _delimiter(text.readline(LINE_CHARS_MAX))
                text.seek(0)
            except UnicodeError as error:
                raise self._undecodable(error) from error
        return csv.reader(text, delimiter=delimiter, strict=True)

    def _header(self, reader: Any) -> list[str]:  # Any: as in _reader
        path = self._source.path
        try:
            cells = next((cells for cells in reader if cells), None)
        except csv.Error as error:
            raise failure(path, f"the header: {error}", line=1) from error
        except UnicodeError as error:
            raise self._undecodable(error) from error
        if cells is None:
            raise failure(path, "there is no header line")
        names = [cell.strip() or f"column_{at}" for at, cell in enumerate(cells, 1)]
        seen = Counter(map(fold, names))
        doubled = sorted({name for name in names if seen[fold(name)] > 1})
        if len(names) > COLUMNS_MAX:
            raise failure(path, f"{len(names)} columns are more than {COLUMNS_MAX}", line=1)
        if doubled:
            raise failure(path, f"the header names a column twice: {', '.join(doubled)}; rename one", line=1)
        return names

    def _undecodable(self, error: UnicodeError) -> Exception:
        """Return the error of a file that isn't of its encoding, with the line where that can be told."""
        source, line = self._source, None
        with open(source.path, "rb") as file:
            marked = file.read(2) in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
            file.seek(0)
            by_line = not marked and "\n".encode(source.encoding) == b"\n"
            for at, text in enumerate(file if by_line else (), 1):
                try:
                    text.decode(source.encoding)
                except UnicodeError:
                    line = at
                    break
        other = "utf-16" if marked else "latin-1"
        return failure(source.path, f"this is no {source.encoding} ({error}); try encoding={other!r}", line=line)

    # -- JSON and NDJSON

    def _json(self) -> Iterator[tuple[int, dict[str, Any]]]:
        if self._whole is None:
            self._whole = self._read_json()
            self._told(self._source.size_bytes)
        for at, record in enumerate(self._whole, 1):
            if not at % _LOOK_EACH:
                self._told(self._source.size_bytes)
            yield at, self._object(record, f"object {at} of the list", None)

    def _read_json(self) -> list[Any]:
        from sqlite_utils.utils import Format, RowsFromFileError, rows_from_file

        source = self._source
        try:
            with open(source.path, "rb") as file:
                text: Any = file
                if _encoding(source.encoding) != "utf-8-sig":  # json tells the UTFs apart by itself
                    text = io.TextIOWrapper(file, encoding=source.encoding)
                return cast(list[Any], rows_from_file(text, Format.JSON)[0])
        except json.JSONDecodeError as error:
            hint = "; one object a line is format='ndjson'" if error.msg == "Extra data" else ""
            raise failure(
                source.path, f"this is no JSON: {error.msg} (column {error.colno}){hint}", line=error.lineno
            ) from error
        except UnicodeError as error:
            raise self._undecodable(error) from error
        except RowsFromFileError as error:
            raise failure(source.path, "rows are a list of objects, or one object") from error
        except (ValueError, RecursionError) as error:
            raise failure(source.path, f"this JSON can't be read: {error}") from error

    def _lines(self) -> Iterator[tuple[int, dict[str, Any]]]:
        source = self._source
        with self._open() as file:
            at = 0
            while line := self._line(file):
                at += 1
                if len(line) > LINE_CHARS_MAX:
                    raise failure(source.path, f"the line is longer than {LINE_CHARS_MAX:,} characters", line=at)
                if not at % _LOOK_EACH:
                    self._told(_read_of(file))
                if not line.isspace():
                    yield at, self._parsed(line, at)
            self._told(_read_of(file))

    def _line(self, file: io.TextIOWrapper) -> str:
        try:
            return file.readline(LINE_CHARS_MAX + 1)
        except UnicodeError as error:
            raise self._undecodable(error) from error

    def _parsed(self, line: str, at: int) -> dict[str, Any]:
        source = self._source
        try:
            return self._object(json.loads(line), "the line", at)
        except json.JSONDecodeError as error:
            raise failure(source.path, f"this is no JSON: {error.msg} (column {error.colno})", line=at) from error
        except (ValueError, RecursionError) as error:
            raise failure(source.path, f"this JSON can't be read: {error}", line=at) from error

    def _object(self, record: object, place: str, line: int | None) -> dict[str, Any]:
        path = self._source.path
        if not isinstance(record, dict):
            raise failure(path, f"{place} holds {type(record).__name__}, not an object", line=line)
        if "" in record:
            raise failure(path, f"{place} has a key without a name", line=line)
        return record


def _read_of(file: io.TextIOWrapper) -> int:
    """Return how many bytes of `file` were read: `file.tell()` costs a second reading."""
    return cast(io.BufferedReader, file.buffer).tell()


def _encoding(name: str) -> str:
    """Return the encoding to read the start of a file by: a mark at the start of UTF-8 is no part of it."""
    return "utf-8-sig" if codecs.lookup(name).name == "utf-8" else name


def _delimiter(line: str) -> str:
    """Return the delimiter that the header uses most, outside quotes; a comma where it has none."""
    plain = "".join(line.split('"')[::2])
    return max(_DELIMITERS, key=lambda mark: (plain.count(mark), mark == ","))
