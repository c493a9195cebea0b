"""A page without a browser: frames come when a test says so, what is sent is kept as data."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from eddyline.bindings.browser import Page, use_page


class PlainPage(Page):
    """A page whose `sent` holds the ops of the frames so far."""

    def __init__(self) -> None:
        self.sent: list[list[Any]] = []  # Any: what JSON can say
        self.errors: list[Exception] = []
        self.missing: set[str] = set()
        self._frames: list[Callable[[], None]] = []
        super().__init__(self._do, self._frames.append, direct=True, on_error=self.errors.append)

    def _do(self, text: str) -> None:
        for op in json.loads(text):
            if op[0] == "find" and op[2] in self.missing:
                self.hear(json.dumps(["error", op[1], f"no element of the page matches {op[2]}"]))
            else:
                self.sent.append(op)

    def next_frame(self) -> list[list[Any]]:
        """Let a frame come; return what was sent since the last look."""
        frames, self._frames[:] = self._frames[:], []
        for frame in frames:
            frame()
        sent, self.sent = self.sent, []
        return sent

    def says(self, *message: Any) -> None:
        """Tell what the user did."""
        self.hear(json.dumps(message))


@pytest.fixture
def page() -> Iterator[PlainPage]:
    with use_page(PlainPage()) as page:
        assert isinstance(page, PlainPage)
        yield page
        assert page.errors == []
