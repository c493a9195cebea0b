"""Closing: what has a life is a context manager, and leaving the block closes it.

with resource(fetch) as answer: ...        answer.close() at the end, also after an exception
"""

from __future__ import annotations

from types import TracebackType
from typing import Self

__all__ = ["Closing"]


class Closing:
    """The base of what is closed once and for all; `close()` may be called twice."""

    __slots__ = ()

    def close(self) -> None:
        """End this object's life."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
