"""What the documents on Rust libraries share: a mirror of the text in Python, by which indexes are converted.

    "aé😀b"      code points  0 1 2 3 | 4         bytes  0 1 3 7 | 8         UTF-16 units  0 1 2 4 | 5

What an update did is read off the mirror and the text afterwards, not from the library's own events: pycrdt 0.14
panics on the delta of some updates with characters beyond ASCII, and prints that into the terminal (found by the random
edits of the tests). So among equal characters a change may be told beside the place where it was typed: the text is
the same. Cost: O(text) at the speed of memory, 20 us for 100,000 characters.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

from ..errors import MalformedUpdateError
from .document import UPDATE_BYTES_MAX, TextChange
from .edits import check_text, clamp, edits_between

__all__ = ["Edit", "MirroredDocument", "guarded"]

Edit = tuple[int, int, str]
"""Units of the library removed at a place, then a text inserted there."""


class MirroredDocument:
    """A document without its library."""

    def __init__(self, client_id: int) -> None:
        self.client_id = client_id
        self._mirror = ""

    @staticmethod
    def _units(text: str, index: int) -> int:
        """Return how many of the library's units stand before the code point at `index`: bytes, unless it says else."""
        return index if text.isascii() else len(text[:index].encode())

    def _make(self, edits: Sequence[Edit]) -> bytes:
        """Make `edits` in one transaction; return the update."""
        raise NotImplementedError

    def _take(self, update: bytes) -> None:
        """Apply the update."""
        raise NotImplementedError

    def _read(self) -> str:
        """Return the text."""
        raise NotImplementedError

    def __str__(self) -> str:
        return self._mirror

    def __len__(self) -> int:
        return len(self._mirror)

    def insert(self, index: int, text: str) -> bytes:
        """Put `text` before the code point at `index`."""
        return self.edit([TextChange(index, 0, text)])

    def delete(self, start: int, end: int) -> bytes:
        """Take the code points from `start` to before `end` out."""
        start = max(start, 0)
        return self.edit([TextChange(start, end - start, "")])

    def edit(self, changes: Sequence[TextChange]) -> bytes:
        """Make `changes`, one after the other, as one update."""
        mirror, edits = self._mirror, []
        for change in changes:
            check_text(change.inserted)
            start, removed = clamp(change.start, change.removed, len(mirror))
            if removed or change.inserted:
                gone = mirror[start : start + removed]
                edits.append((self._units(mirror, start), self._units(gone, removed), change.inserted))
                mirror = mirror[:start] + change.inserted + mirror[start + removed :]
        if not edits:
            return b""
        self._mirror = mirror
        return self._make(edits)

    def apply(self, update: bytes) -> tuple[TextChange, ...]:
        """Take in an update of any other document; return what it changed."""
        if len(update) > UPDATE_BYTES_MAX:
            raise MalformedUpdateError(f"an update has {len(update):,} bytes; at most {UPDATE_BYTES_MAX:,} are taken")
        guarded(lambda: self._take(update), "update", update)
        return self._followed()

    def load(self, updates: Iterable[bytes]) -> None:
        """Take in `updates`, which this library has written, without a look at what each one changed."""
        for update in updates:
            if update:
                guarded(partial(self._take, update), "update", update)
        self._mirror = self._read()

    def _followed(self) -> tuple[TextChange, ...]:
        """Return what has changed since the mirror was made, and make it anew."""
        before, self._mirror = self._mirror, self._read()
        return edits_between(before, self._mirror)


def guarded(work: Callable[[], Any], what: str, data: bytes) -> Any:  # Any: what `work` returns
    """Return what `work` does; what it raises about `data`, a panic of Rust's too, is a `MalformedUpdateError`."""
    try:
        return work()
    except BaseException as error:
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        raise MalformedUpdateError(f"these {len(data):,} bytes are no {what} of a text: {error}") from None
