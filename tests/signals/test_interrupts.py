"""An interrupt (Ctrl+C) after any call or jump inside the signals: the graph is at rest, and later writes are followed.

CPython looks for signals when a function begins, after a call and when it jumps back. So the same work is done again
and again, cut short at the first such place, then at the second ... until it comes through. Right after
`lock.acquire()` no code of ours can do anything yet: the thread then keeps the lock, which it may take again; here it
is given back.
"""

from __future__ import annotations

import dis
import gc
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import pytest

from eddyline import signals
from eddyline.signals import Scope, computed, effect, flush, nodes, signal
from eddyline.signals.nodes import now

HOME = str(Path(signals.__path__[0]))
LOOKS = ("RESUME", "CALL", "JUMP_BACKWARD")  # the instructions after which CPython looks

Write = Callable[[], object]


class InterruptError(BaseException):
    """Stands for KeyboardInterrupt."""


class Cutter:
    """A trace function that raises at the `at`-th place inside the signals."""

    def __init__(self, at: int) -> None:
        self.at = at
        self.places = 0
        self.before: dict[FrameType, str] = {}
        self.names: dict[CodeType, dict[int, str]] = {}

    def __call__(self, frame: FrameType, event: str, arg: object) -> Any:  # Any: a trace function, or None
        code = frame.f_code
        if not code.co_filename.startswith(HOME):
            return None
        frame.f_trace_opcodes = True
        if event == "opcode":
            if code not in self.names:
                self.names[code] = {each.offset: each.opname for each in dis.get_instructions(code)}
            before, self.before[frame] = self.before.get(frame, "RESUME"), self.names[code][frame.f_lasti]
            self.places += before.startswith(LOOKS)
            if self.places == self.at:
                sys.settrace(None)
                raise InterruptError
        return self

    def cuts(self, work: Write) -> bool:
        """Do `work`; return whether it was cut short. No garbage of other tests is collected meanwhile."""
        outer = sys.gettrace()
        gc.disable()
        sys.settrace(self)
        try:
            work()
        except InterruptError:
            return True
        finally:
            sys.settrace(outer)
            gc.enable()
        return False


@pytest.mark.parametrize("shape", ["one effect", "two effects", "chain", "owning", "new effect"])
def test_interrupt_anywhere_leaves_the_graph_at_rest_and_effects_following(shape: str) -> None:
    at, cut = 0, True
    while cut:
        at += 1
        a, seen, inner = signal(0, "a"), [0], [0]
        double = computed(lambda a=a: a() * 2, "double")  # type: ignore[misc]  # of int

        def note(read: Callable[[], int] = double if shape == "chain" else a, seen: list[int] = seen) -> None:
            seen.append(read())

        def own(a: Callable[[], int] = a, inner: list[int] = inner) -> None:
            a()
            effect(lambda: inner.append(a()))

        kept = [effect(note)]
        if shape in ("two effects", "owning"):
            kept.append(effect(own if shape == "owning" else note))

        with Scope():  # closes what was being made
            work = partial(effect, note) if shape == "new effect" else partial(a.set, 1)
            cut = Cutter(at).cuts(work)
        while nodes.lock._is_owned():  # type: ignore[attr-defined]  # see above
            nodes.lock.release()
        place = f"{shape}, place {at}"
        assert [nodes.path, flush.pending] == [[], {}], place
        assert [now.tracker, now.token, now.fresh, now.scoped, now.busy, now.depth] == [None] * 4 + [False, 0], place
        a.set(5)
        assert nodes.queue == []
        assert seen[-1] == (10 if shape == "chain" else 5), place
        assert inner[-1] == (5 if shape == "owning" else 0), place
        for each in kept:
            each.close()
        before = len(seen)
        a.set(6)
        assert len(seen) == before, place
    assert at > 15
