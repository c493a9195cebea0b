r"""The reactive graph: who reads whom, and what a change makes stale.

          s.set(2)
              |
              v        push: direct subscribers become DIRTY, all behind them MAYBE; effects are queued
      +---- [ s ] ----+
      v               v
    ( a )           ( b )         computed: nothing runs yet
      |  \         /  |
      |   \       /   |
      v    v     v     v
    ( c )   ( sum )   < log >     an effect pulls: it asks its dependencies, in the order it read them,
                                  to become current, and runs only if one of them has a newer version

Push is cheap and sees no values; pull runs functions, each at most once a change and only if something reads the
result. So nobody sees a mixture of old and new (no glitches), and a change that cancels out stops where it cancels out.

*Two halves.* A computed is two objects. The pull half (`Computed`) holds function, dependencies and value: its readers
hold it. The push half (`Mark`) holds the state and the subscribers: its dependencies hold that one only.

    readers  ---strong--->  Computed ---strong--->  dependencies
                               |                          |
                             Mark  <------strong----------+     (`_subs`: a dict keeps order and forgets in O(1))

Nothing upstream keeps a computed alive. One that nobody holds is collected and takes its Mark out of every `_subs`
(`__del__`); one that nobody watches is still marked, so after an unrelated write it is CLEAN and costs one test to
read. The Mark of an effect holds its effect: it lives until it is closed.

*Versions.* `clock` counts changes. A source notes the clock at its last change (`_version`), a consumer the clock at
the start of its last run (`_ran`): a dependency is newer if `_version > _ran`. No version is stored per edge.

*Dependencies* are a tuple with a cursor: a run that reads the same sources in the same order only moves the cursor.
From the first difference on a new list is made, and what is no longer read is dropped at the end of the run. Each run
has a number (`token`); a source notes the last run that read it (`_seen`), so the second read in one run is one
comparison.

*Depth.* `mark` and `pull.refresh` keep their own stacks. Only functions that nobody has run yet nest in Python's stack;
`TooDeep` unwinds them every 100 levels and they go on from the bottom (see pull.py).

*Threads.* One lock guards marking and running; a read of a current value takes none. The tracker below belongs to the
thread that holds the lock: `track` asks whether this one does, so no read on another thread is tracked by accident.

*Speed.* What changes with every run stands in one slotted object, `now`: to set a slot costs a fifth of setting a
global of a module. `lock.acquire()` and `release()` cost half of `with lock`, so the hot paths call them, and who holds
the lock already (a flush that pulls, a function that reads) takes it no second time: `holds_lock()` costs an eighth of
that, and less than half of asking which thread this is.

Ideas: reactively (states), Preact signals (versions), alien-signals (one algorithm that knows no user-facing class).
Costs: tracked read O(1); write O(reachable that is not stale yet); pull O(stale dependencies); 56 bytes for a Mark.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import RLock
from typing import Final, Protocol, TypeAlias, TypeVar, cast

__all__ = [
    "ABORTED",
    "CLEAN",
    "DIRTY",
    "LOOSE",
    "MAYBE",
    "MUST_RUN",
    "RUNNING",
    "STALE",
    "Consumer",
    "Mark",
    "Node",
    "Now",
    "Outer",
    "Wakeable",
    "holds_lock",
    "loosen",
    "mark",
    "mark_all",
    "now",
    "outer_run",
    "resume",
    "run",
    "run_inside",
    "track",
    "unlink",
]

R = TypeVar("R")

CLEAN: Final = 0
MAYBE: Final = 1  # something further up has changed
DIRTY: Final = 2  # a direct dependency has changed
STALE: Final = MAYBE | DIRTY
RUNNING: Final = 4  # being run, or its dependencies are being pulled: to read it now is a cycle
ABORTED: Final = 8  # cut short by a BaseException: must run; its subscribers may be clean, so `mark` enters it
MUST_RUN: Final = DIRTY | ABORTED
LOOSE: Final = 16  # stale like MAYBE, but its subscribers may be clean, so `mark` enters it


class Wakeable(Protocol):
    """What a queue of woken effects holds."""

    _mark: Mark


class Consumer(Protocol):
    """What can depend on nodes: a computed or an effect."""

    _mark: Mark
    _deps: tuple[Node, ...]
    _ran: int

    def label(self) -> str:
        """Return a name for messages."""


class Mark:
    """The push half of a computed or an effect: how stale it is, and whom to tell."""

    __slots__ = ("effect", "state", "subs")

    def __init__(self, state: int, effect: Wakeable | None = None) -> None:
        self.state = state
        self.subs: dict[Mark, None] | None = None
        self.effect = effect


class Node:
    """Something that can be read and can change: the base of `Source` and `Computed`."""

    __slots__ = ("__weakref__", "_seen", "_subs", "_version")

    _mark: Mark = Mark(CLEAN)  # a source is never stale; a computed has a Mark of its own

    def __init__(self) -> None:
        self._subs: dict[Mark, None] | None = None
        self._version = 0
        self._seen: int | None = None

    def _open_subs(self) -> dict[Mark, None]:
        """Return the dict of subscribers, made on first use."""
        subs: dict[Mark, None] = {}
        self._subs = subs
        return subs


class Now:
    """What holds at this moment; changed by the thread that holds the lock alone.

    The tracker is the run that reads are noted for: saved and restored around each run.
    """

    __slots__ = (
        "busy",
        "clock",
        "cursor",
        "depth",
        "fresh",
        "holder",
        "runs",
        "scoped",
        "token",
        "tracker",
    )

    def __init__(self) -> None:
        self.clock = 1  # counts changes
        self.runs = 0  # counts runs
        self.busy = False  # somebody further up the stack will drain the queue
        self.depth = 0  # of nested pulls
        self.scoped: Consumer | None = None  # the running one, if it has entered a Scope, which owns what it makes
        self.tracker: Consumer | None = None
        self.token: int | None = None  # number of its run; None: reads are not noted
        self.cursor = 0  # so many dependencies were read again in the same order
        self.fresh: list[Node] | None = None  # the dependencies, once they differ from last time; None beside any run
        self.holder: object = False  # the task of that run, where tasks may start inside it (`holder_of`); else False


lock = RLock()
holds_lock: Callable[[], bool] = lock._is_owned  # type: ignore[attr-defined]  # as threading.Condition calls it
now = Now()
path: list[Consumer] = []  # what is being run or pulled, outermost first
queue: list[Wakeable] = []  # effects woken and not yet looked at

# Set by loops.py once an effect is made on a loop: an eager task takes its first step inside another's run.
holder_of: Callable[[], object] | None = None  # False where no loop runs
task_now: Callable[[], object] = bool  # asyncio.current_task; only where a loop runs


def track(source: Node) -> None:
    """Note that the running computed or effect reads `source`. Call only if `token` is set and not `source._seen`."""
    if not holds_lock():
        return
    tracker: Consumer = now.tracker  # type: ignore[assignment]  # while there is a token there is one
    holder = now.holder
    if holder is not False and task_now() is not holder:
        return
    source._seen = now.token
    fresh = now.fresh
    if fresh is not None:
        fresh.append(source)
    else:
        deps, cursor = tracker._deps, now.cursor
        if cursor < len(deps) and deps[cursor] is source:
            now.cursor = cursor + 1
            return
        now.fresh = [*deps[:cursor], source] if cursor else [source]
    subs = source._subs
    if subs is None:
        subs = source._open_subs()
    subs[tracker._mark] = None


def run(node: Consumer, fn: Callable[[], R]) -> R:
    """Call `fn` and make what it reads the dependencies of `node`, also if it raises.

    The caller holds the lock, and gives the tracker back to the run outside (`outer_run`).
    """
    if holder_of is not None:
        now.holder = holder_of()
    now.token = now.runs = now.runs + 1
    node._ran = now.clock
    now.tracker = node
    now.cursor = 0
    now.fresh = None
    try:
        result = fn()
        if now.fresh is not None or now.cursor != len(node._deps):  # type: ignore[redundant-expr]  # fn() has set them
            _replace_deps(node)
        return result
    except Exception:
        _replace_deps(node)
        raise
    except BaseException:  # cut short: what would have been read is not known, so keep the old ones too
        if now.fresh is not None:
            node._deps += tuple(now.fresh[now.cursor :])
            now.fresh = None
        raise
    finally:
        now.token = None


def run_inside(node: Consumer, fn: Callable[[], R]) -> R:
    """Do what `run` does inside another run, which goes on afterwards."""
    assert now.tracker is not None, "no run is under way"
    outer = outer_run(now.tracker)
    try:
        return run(node, fn)
    finally:
        resume(outer)


Outer: TypeAlias = "tuple[Consumer, int | None, int, list[Node] | None, object, Consumer | None]"


def outer_run(tracker: Consumer) -> Outer:
    """Return the run of `tracker`, which is under way, to be given back by `resume`."""
    return tracker, now.token, now.cursor, now.fresh, now.holder, now.scoped


def resume(outer: Outer) -> None:
    """Note reads for that run again."""
    now.tracker, now.token, now.cursor, now.fresh, now.holder, now.scoped = outer


def _replace_deps(node: Consumer) -> None:
    """Keep what this run has read, drop the rest."""
    old, cursor, fresh = node._deps, now.cursor, now.fresh
    now.fresh = None
    node._deps = kept = old[:cursor] if fresh is None else (*fresh,)
    if cursor < len(old):
        still = set(kept)
        unlink(node._mark, [source for source in old[cursor:] if source not in still])


def unlink(consumer: Mark, sources: list[Node] | tuple[Node, ...]) -> None:
    """Take `consumer` out of the subscribers of `sources`."""
    for source in sources:
        subs = source._subs
        if subs is not None:
            subs.pop(consumer, None)


def loosen(consumer: Consumer) -> None:
    """Have the next change of anything below `consumer` reach it again, though it gave up before all was read.

    `mark` doesn't enter what is stale, so what stays stale below it would hide later changes from it.
    """
    below: list[Consumer] = [consumer]
    for each in below:  # grows while it is walked
        for dep in each._deps:
            state = dep._mark.state
            if state & STALE and not state & RUNNING:
                dep._mark.state = (state & ABORTED) | LOOSE
                below.append(cast(Consumer, dep))  # only a computed is ever stale


def mark(source: Node, woken: list[Wakeable]) -> None:
    """Make all that depends on `source` stale; append the effects among it to `woken`, nearest first.

    What is stale already has stale subscribers, so it is not entered again.
    `[*dict]` runs in C: a finalizer that takes a subscriber out can't disturb it.
    """
    reached: list[Mark] = []
    try:
        for sub in [*(source._subs or ())]:
            state = sub.state
            sub.state = state | DIRTY
            if not state & STALE:
                if sub.effect is not None:
                    woken.append(sub.effect)
                elif sub.subs:
                    reached += sub.subs
        for sub in reached:  # grows while it is walked
            state = sub.state
            if not state & STALE:
                sub.state = state | MAYBE
                if sub.effect is not None:
                    woken.append(sub.effect)
                elif sub.subs:
                    reached += sub.subs
    except BaseException:  # an interrupt: what is behind these may not have been reached
        for sub in (*(source._subs or ()), *reached):
            if sub.effect is None and sub.state & STALE and not sub.state & RUNNING:
                sub.state = (sub.state & ABORTED) | LOOSE
        raise


def mark_all(source: Node, woken: list[Wakeable]) -> None:
    """Like `mark`, but also enter what is stale already.

    For a write beside a batch of another task: effects which that batch will wake later must be woken now by this
    write.
    """
    seen = dict.fromkeys(source._subs or ())
    reached = list(seen)
    for sub in reached:
        sub.state |= DIRTY if sub in (source._subs or ()) else MAYBE
        if sub.effect is not None:
            woken.append(sub.effect)
        for further in list(sub.subs or ()):
            if further not in seen:
                seen[further] = None
                reached.append(further)
