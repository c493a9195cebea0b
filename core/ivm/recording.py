"""Recording: what a view has shown, in a file.

    view.record("issues.jsonl")     a line of JSON a patch, as json_lines.py has them, and when it came; at once
    view.record("issues.parquet")   a row a patch: commit, at, kind, index, to, and the row's own columns

In a Parquet file the rows of a Reset are a row each, and Move and Remove have no values. It is kept in memory until the
recording is closed: a type that comes later may widen a column.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

from ...signals.closing import Closing
from ...signals.json_lines import patch_lines
from ...signals.patch import Insert, Move, Patch, Reset, Update
from ..errors import ParameterError
from .frames import typed_columns, write_parquet

__all__ = ["Recording"]

FACTS = ("commit", "at", "kind", "index", "to")


class Recorded(Protocol):
    """What is recorded: a view."""

    @property
    def columns(self) -> tuple[str, ...]: ...
    @property
    def version(self) -> int: ...
    def subscribe(self, fn: Callable[[list[Patch]], object], /) -> Callable[[], object]: ...


class Recording(Closing):
    """A file that follows a view until it is closed. `patches` counts what it holds."""

    def __init__(self, view: Recorded, path: str | Path, now: Callable[[], float]) -> None:
        self.path = Path(path)
        if self.path.suffix not in (".jsonl", ".parquet"):
            raise ParameterError(f"view.record writes .jsonl and .parquet, not {self.path.name!r}")
        self.patches = 0
        self._view, self._now, self._closed = view, now, False
        self._file = self.path.open("w" if self.path.suffix == ".jsonl" else "wb")
        self._held: list[tuple[Any, ...]] = []  # Any: facts of a patch, and its row's values
        self._stop = view.subscribe(self._take)

    def _take(self, patches: list[Patch]) -> None:
        at = dt.datetime.fromtimestamp(self._now(), dt.UTC)
        self.patches += len(patches)
        if self.path.suffix == ".jsonl":
            stamp = at.isoformat(timespec="microseconds").replace("+00:00", "Z")
            text: Any = patch_lines(patches, self._view.columns, self._view.version, stamp)  # Any: the file is text
            self._file.write(text)
            self._file.flush()
            return
        width = len(self._view.columns)
        for patch in patches:
            self._held.extend((self._view.version, at, *line) for line in _lines(patch, width))

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._closed

    def close(self) -> None:
        """Stop, and finish the file. Twice is harmless. Raises `MissingLibraryError` for Parquet without a library."""
        if self._closed:
            return
        self._closed = True
        self._stop()
        self._file.close()
        if self.path.suffix == ".parquet":
            names = (*FACTS, *self._view.columns)
            width = len(names)
            rows = [line[:width] + (None,) * (width - len(line)) for line in self._held]
            write_parquet(typed_columns(names, rows, (), None), str(self.path))

    def __repr__(self) -> str:
        return f"<Recording {self.path.name}: {self.patches} patches{', closed' if self._closed else ''}>"


def _lines(patch: Patch, width: int) -> Iterator[Sequence[Any]]:  # Any: as the view has them
    """Yield kind, index, to and values of what a patch does."""
    match patch:
        case Reset(rows):
            yield from (("reset", at, None, *row) for at, row in enumerate(rows))
        case Insert(index, row):
            yield "insert", index, None, *row
        case Update(index, row):
            yield "update", index, None, *row
        case Move(index, to):
            yield "move", index, to, *(None,) * width
        case _:
            yield "remove", patch.index, None, *(None,) * width
