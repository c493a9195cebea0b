"""Where work belongs: which event loop owns the graph, which task holds a batch.

    write on the loop's thread                   -> done at once
    write on another thread, no loop of its own  -> posted to the owning loop, in order; the value changes there
    write on another thread, no loop runs at all -> done at once, one thread at a time (the lock)

The owner is the loop in which the first effect was made; when it no longer runs, the next one takes over. An effect
runs on the loop in which it was made, also if a thread with a loop of its own writes. So code on a loop never sees a
value change between two of its lines, and a thread that posts sees its own write only after the loop got to it.

Tasks that start eagerly take their first step inside the run that started them. Once an effect was made on a loop that
can have such tasks (Python 3.12, or a task factory), reads are therefore noted only for the task whose run it is.

asyncio is not imported from here: if nobody has imported it, there is no loop.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from sys import modules
from threading import get_ident
from typing import Any, Protocol

from . import nodes

__all__ = ["Home", "Loop", "claim", "foreign", "here", "holder", "post"]


class Loop(Protocol):
    """The part of an asyncio event loop that is used."""

    def is_running(self) -> bool:
        """Whether it runs just now."""

    def get_task_factory(self) -> object:
        """Return what makes its tasks; None if they start later, as usual."""

    def call_soon(self, callback: Callable[..., object], /, *args: Any) -> object:  # Any: as asyncio has it
        """Call it on the next turn."""

    def call_soon_threadsafe(self, callback: Callable[..., object], /, *args: Any) -> object:  # Any: as asyncio has it
        """Call it on the loop's thread, in order."""


class Home:
    """A loop and the thread that it runs on."""

    __slots__ = ("loop", "thread")

    def __init__(self, loop: Loop, thread: int) -> None:
        self.loop = loop
        self.thread = thread

    def is_elsewhere(self, ident: int) -> bool:
        """Whether thread `ident` has to post to it rather than do the work itself."""
        return self.thread != ident and self.loop.is_running()


owner: Home | None = None  # of the graph


def _unknown() -> Loop | None:
    """Stand for asyncio's own until somebody has imported that (wholly: an import may be under way)."""
    global running, task_here
    asyncio: Any = modules.get("asyncio")  # Any: not imported from here
    if asyncio is None or not hasattr(asyncio, "current_task"):
        return None
    running, task_here = asyncio._get_running_loop, asyncio.current_task
    return running()


running: Callable[[], Loop | None] = _unknown  # the loop that runs on this thread
task_here: Callable[[], object] = bool  # the task that runs on this thread, where a loop does


def here() -> Loop | None:
    """Return the loop that runs on this thread."""
    return running()


def _has_task_factory(loop: Loop) -> bool:
    """Whether tasks of `loop` may start eagerly."""
    try:
        return loop.get_task_factory() is not None
    except NotImplementedError:  # the loop of a browser need not have it
        return False


def claim() -> Home | None:
    """Return the home of what is made now; the first becomes the owner of the graph."""
    global owner
    if running is _unknown and "asyncio" not in modules:
        return None
    loop = running()
    if loop is None:
        return None
    if nodes.holder_of is None and (sys.version_info >= (3, 12) or _has_task_factory(loop)):
        nodes.task_now = task_here
        nodes.holder_of = _task_here
    if owner is not None and owner.loop is loop:
        owner.thread = get_ident()
        return owner
    home = Home(loop, get_ident())
    if owner is None or not owner.loop.is_running():
        owner = home
    return home


def foreign() -> Loop | None:
    """Return the loop to which this thread must post its writes, if any."""
    if owner is None or owner.thread == get_ident() or here() is not None:
        return None
    return owner.loop if owner.loop.is_running() else None


def post(loop: Loop, fn: Callable[[], object]) -> None:
    """Have `fn` called on the thread of `loop`; here, if that has been closed just now."""
    try:
        loop.call_soon_threadsafe(fn)
    except RuntimeError:
        fn()


def _task_here() -> object:
    """Return the task that runs on this thread, None beside any task, False where no loop runs."""
    return False if here() is None else nodes.task_now()


def holder() -> object:
    """Return what a batch belongs to: the running task, else the thread."""
    if running is _unknown and "asyncio" not in modules:
        return get_ident()
    if running() is not None:
        task = task_here()
        if task is not None:
            return task
    return get_ident()
