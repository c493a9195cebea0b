"""An event loop without selectors, sockets and threads: what asyncio needs to run to the end inside Pyodide.

Pyodide's own loop is the page's: it can't be run until something is done. Here nothing comes from outside, so a turn
either has something ready, or sleeps until the next timer.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any

__all__ = ["PlainLoop", "use"]


class _Nothing:
    """A selector that nothing is registered with."""

    def select(self, timeout: float | None) -> list[Any]:
        if timeout is None:
            raise RuntimeError("the loop waits for something that can't come: nothing is ready, and no timer is set")
        if timeout > 0:
            time.sleep(timeout)
        return []


class PlainLoop(asyncio.BaseEventLoop):
    def __init__(self) -> None:
        super().__init__()
        self._selector = _Nothing()

    def _process_events(self, events: list[Any]) -> None:
        pass

    async def shutdown_default_executor(self, timeout: float | None = None) -> None:  # noqa: ASYNC109  # asyncio's own
        """There is none: it would be one of threads."""

    def _write_to_self(self) -> None:
        """Nobody waits in another thread."""


def use() -> None:
    """Make it the loop of everything that asks asyncio for one."""
    import warnings

    asyncio._set_running_loop(None)  # the page's, which Pyodide says is always running
    asyncio.events._set_running_loop(None)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)

        class Policy(asyncio.DefaultEventLoopPolicy):
            def new_event_loop(self) -> PlainLoop:
                return PlainLoop()

        asyncio.set_event_loop_policy(Policy())
    asyncio.new_event_loop = asyncio.events.new_event_loop = PlainLoop
