"""A comm without a kernel: keeps what is sent, and lets a test speak as the page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class FakeComm:
    """What ipywidgets opens; `data` is the state that it opened with."""

    def __init__(self, *, target_name: str, data: Any, comm_id: str = "", **_: Any) -> None:  # Any: JSON, and the rest
        self.comm_id = comm_id or "comm"
        self.data = data
        self.sent: list[Any] = []  # Any: JSON
        self.closed = False
        self._hear: Callable[[Any], None] = lambda message: None

    def on_msg(self, hear: Callable[[Any], None]) -> None:
        self._hear = hear

    def send(self, data: Any = None, **_: Any) -> None:
        self.sent.append(data)

    def close(self, **_: Any) -> None:
        self.closed = True

    def say(self, **content: Any) -> None:
        """Send a custom message as the page does."""
        self._hear({"content": {"data": {"method": "custom", "content": content}}, "buffers": []})

    def heard(self) -> list[Any]:
        """Return the custom messages sent since the last look."""
        sent, self.sent = self.sent, []
        return [data["content"] for data in sent if data["method"] == "custom"]

    def traits(self) -> dict[str, Any]:
        """Return the state that the page has by now, of what was set since the last look."""
        return {
            name: value for data in self.sent if data["method"] == "update" for name, value in data["state"].items()
        }
