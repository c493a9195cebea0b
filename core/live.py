"""Live queries, wired: where the writer's thread, the readers and the loop meet.

db.live ---> a fill job between transactions on the writer                  (nothing open)
        ---> a reader's snapshot, then catch-up at the next commit          (another task's block is open)
commit ----> one message to the loop: all views change, then all are told
re-run ----> dirty queries run on a reader's snapshot, one after the other, coalesced; under a stream of commits they
             take a share of the time, and go on at once when `settled` waits for them
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from ..signals import Scope, batch, current_scope, effect
from ..signals.pace import Pace
from ..signals.scope import root
from .changes import Changes
from .errors import ClosedError, EddylineError, ParameterError, UnknownTableError, is_busy
from .fills import Fills, uncollected
from .ivm.budget import Budget
from .ivm.compile import compile_template
from .ivm.part import Part
from .ivm.program import UNREADABLE, Outcome, Program
from .ivm.registry import Message, Registry
from .ivm.together import SETS_MAX
from .ivm.view import Params, Shared, View
from .query.asked import Asked
from .query.diagnose import translate
from .query.expr import is_readable
from .query.verdict import index_use, is_private
from .schema.catalog import Catalog, TableName
from .sqltext import uncached
from .stats import Stats, by_cost, query_stats
from .store import Connection, Store
from .values import bind, typed
from .write.queue import WriteQueue

if TYPE_CHECKING:
    from .explain import Explanation

__all__ = ["LiveQueries"]

T = TypeVar("T")

Question: TypeAlias = tuple[Asked, Sequence[Any], Mapping[str, Any]]
"""What is asked, and its parameters: values, or signals of them."""

_log = logging.getLogger("eddyline")
_BUSY_PAUSE_S = 0.02
SLOW_S = 0.25
_FITTING_MAX = 4_096
RERUN_SHARE, RERUN_AHEAD_S, RERUN_WAIT_S = 1 / 4, 0.1, 0.25


class _FailedBefore(Exception):
    """A fill that was under way when it was asked for has failed."""


class LiveQueries:
    """All live queries of one database."""

    def __init__(
        self,
        store: Store,
        queue: WriteQueue,
        send: Callable[[Callable[[], None]], None],
        report: Callable[[BaseException], None],
        now: Callable[[], float],
    ) -> None:
        self._store, self._queue, self._report, self._now = store, queue, report, now
        self._traces = queue.traces
        self.registry = Registry(lambda message: send(lambda: self._deliver(message)))
        self._shared: dict[object, Shared] = {}
        self._filling: dict[object, asyncio.Task[Shared]] = {}
        self._views: dict[View[Any], None] = {}
        self._waiting: Counter[object] = Counter()
        self._dirty: dict[Shared, None] = {}
        self._on_dirty = self._mark_dirty  # one bound method for all
        self._refresher: asyncio.Task[None] | None = None
        self._rerun_pace = Pace(share=RERUN_SHARE, ahead_s=RERUN_AHEAD_S)
        self._awaited = 0  # by so many are the re-runs waited for
        self._hurry = asyncio.Event()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._fills = Fills(queue, now)
        self.slow_s = SLOW_S
        self.budget = Budget()
        self._fitting: set[tuple[str, object]] = set()
        self.indexed: frozenset[str] = frozenset()

    async def open(
        self, asked: Asked, args: Sequence[Any], named: Mapping[str, Any], part: Part | None = None
    ) -> View[Any]:
        """Return a view of the query, filled; of `part` of its rows alone, if one is given."""
        scope = current_scope()
        values = _values(args, named, lambda readable: readable.peek())
        view = await self._open(asked, values, lambda shared: self._view(shared, values, part), part)
        self._own(view, scope, asked, args, named)
        return view

    def _own(self, view: View[Any], scope: Scope, asked: Asked, args: Sequence[Any], named: Mapping[str, Any]) -> None:
        """Let `scope` close the view, and let it follow what of its parameters are signals."""
        if scope is not root:
            scope.add(view)
        if any(map(is_readable, args)) or any(map(is_readable, named.values())):
            self._watch(view, asked, args, named)

    async def open_many(self, many: Sequence[Question]) -> list[View[Any]]:
        """Return a view of each query; those of one text are filled together. If one fails, none stays open."""
        scope = current_scope()
        values = [_values(args, named, lambda readable: readable.peek()) for _, args, named in many]
        bound = [_bound(value) for value in values]
        keys = [_key(asked, value, None) for (asked, _, _), value in zip(many, bound, strict=True)]
        firsts: dict[object, int] = {}
        for at, (asked, _, _) in enumerate(many):
            firsts.setdefault((asked.sql, asked.make, asked.levels), at)
        views: dict[int, View[Any]] = {}
        try:
            await self._open_each(views, list(firsts.values()), many, values)  # they plan, and make indexes
            await self._fill_together({keys[at]: (many[at][0], bound[at]) for at in range(len(many))})
            with uncollected():
                for at, key in enumerate(keys):
                    if at not in views and key in self._shared:
                        views[at] = self._view(self._shared[key], values[at], None)
            await self._open_each(views, [at for at in range(len(many)) if at not in views], many, values)
        except BaseException:
            for view in views.values():
                view.close()
            raise
        for at, (asked, args, named) in enumerate(many):
            self._own(views[at], scope, asked, args, named)
        return [views[at] for at in range(len(many))]

    async def _open_each(
        self, views: dict[int, View[Any]], places: Sequence[int], many: Sequence[Question], values: Sequence[Params]
    ) -> None:
        """Open the queries at `places` side by side."""

        def show(at: int) -> Callable[[Shared], View[Any]]:
            return lambda shared: self._view(shared, values[at], None)

        fills = [asyncio.ensure_future(self._open(many[at][0], values[at], show(at))) for at in places]
        try:
            views.update(zip(places, await asyncio.gather(*fills), strict=True))
        except BaseException:
            for fill in fills:
                fill.cancel()
            for view in await asyncio.gather(*fills, return_exceptions=True):
                if isinstance(view, View):
                    view.close()
            raise

    async def _fill_together(self, wanted: Mapping[tuple[object, ...], tuple[Asked, Any]]) -> None:
        """Fill what isn't filled yet and can be so with others of its text; who asked shows it at once."""
        if self._queue.busy:
            return
        groups: dict[object, list[tuple[tuple[object, ...], Shared]]] = {}
        with uncollected():
            for key, (asked, bound) in wanted.items():
                if key in self._shared or key in self._filling:
                    continue
                shared = Shared(self._report, self._on_dirty)
                args, named = ((), bound) if isinstance(bound, dict) else (bound, {})
                shared.program = Program(asked, args, named, shared, self._now, self.budget)
                groups.setdefault((asked.sql, asked.make, asked.levels), []).append((key, shared))
        pieces = [group[at : at + SETS_MAX] for group in groups.values() for at in range(0, len(group), SETS_MAX)]
        stopped: list[bool] = []

        def job(piece: Sequence[tuple[object, Shared]]) -> Callable[[Connection], None]:
            def run(conn: Connection) -> None:
                if not stopped:
                    with uncollected():
                        self._fill_piece(conn, [shared.program for _, shared in piece])

            return run

        try:
            await asyncio.gather(*(self._fills.run(job(piece)) for piece in pieces))
        except BaseException:
            stopped.append(True)
            for piece in pieces:
                for _, shared in piece:
                    self.registry.retire(shared.program)
            raise
        for key, shared in (one for piece in pieces for one in piece):
            if key in self._shared:
                self.registry.retire(shared.program)
            else:
                self._keep(shared, key, shared.program)

    def _fill_piece(self, conn: Connection, programs: Sequence[Program]) -> None:
        """Fill programs of one text. On the writer's thread."""
        writer = self._queue.writer
        for program in programs:
            self._check_bound(conn, program.sql, program.bound)
            program.replan(conn, self.registry.plan(conn, writer.catalog, program.asked))
        started = self._now()
        together = programs[0].together
        try:
            read = None if together is None else together.read(conn, [program.params for program in programs])
        except UNREADABLE:  # each says for itself what fails
            read = None
        cost_us = (self._now() - started) * 1e6 / len(programs)
        for at, program in enumerate(programs):
            if read is None:
                program.fill(conn)
            else:
                program.take(read[at], cost_us)
            self.registry.add(program)
        self.registry.tell(writer.number, *programs)

    async def refreshed(self) -> None:
        """Wait until no re-run, new parameter value or catch-up is under way or due."""
        self._awaited += 1
        self._hurry.set()
        try:
            while pending := [*self._tasks, *([self._refresher] if self._refresher is not None else [])]:
                await asyncio.wait(pending)
        finally:
            self._awaited -= 1
            if not self._awaited:
                self._hurry.clear()

    def close(self) -> None:
        """Close every view and end every task."""
        for view in list(self._views):
            view.close()
        self._fills.close()
        for task in [*self._tasks, *self._filling.values(), *([self._refresher] if self._refresher else [])]:
            task.cancel()

    def __len__(self) -> int:
        return len(self._views)

    def stats(self) -> Stats:
        """Return what each query has cost."""
        views = Counter(view._shared for view in list(self._views))  # asked from any thread
        queries = by_cost(query_stats(one.program, views=n, rows=one.rows, keys=one.keys) for one, n in views.items())
        templates = len({id(one.program.template) for one in views})
        return Stats(self._queue.writer.number, views.total(), templates, queries)

    # -- programs and their rows

    async def _open(self, asked: Asked, values: Params, show: Callable[[Shared], T], part: Part | None = None) -> T:
        """Return `show(shared)` of the filled query; equal queries that are being filled share the fill.

        A part is its handle's own.
        """
        bound = _bound(values)
        key = _key(asked, bound, part)
        self._waiting[key] += 1
        try:
            try:
                return show(await self._filled(key, asked, bound, part))
            except _FailedBefore:
                return show(await self._filled(key, asked, bound, part, again=True))
        finally:
            self._waiting[key] -= 1
            if not self._waiting[key]:
                del self._waiting[key]
                self._drop_if_unwatched(key)

    async def _filled(
        self, key: tuple[object, ...], asked: Asked, bound: Any, part: Part | None, *, again: bool = False
    ) -> Shared:
        """Return the rows of a program, filled. A fill that was under way counts only if it succeeds.

        It may have failed on an older schema than the one that the caller knows of: then `_FailedBefore`, once.
        """
        shared = self._shared.get(key)
        if shared is not None:
            return shared
        task = self._filling.get(key)
        begun_before = task is not None and not again
        if task is None:
            task = self._filling[key] = asyncio.ensure_future(self._fill(key, asked, bound, part))
            task.add_done_callback(lambda _done: self._filling.pop(key, None))
        try:
            return await asyncio.shield(task)
        except EddylineError as error:
            if begun_before:
                raise _FailedBefore from error
            raise

    def _drop_if_unwatched(self, key: object) -> None:
        """Let a program go that nobody shows and nobody waits for: its callers were cancelled."""
        shared = self._shared.get(key)
        if shared is not None and not shared.watched and key not in self._waiting:
            self.let_go(shared)

    async def _fill(self, key: tuple[object, ...], asked: Asked, bound: Any, part: Part | None) -> Shared:
        shared = Shared(self._report, self._on_dirty)
        args, named = ((), bound) if isinstance(bound, dict) else (bound, {})
        shown = None if part is None else (part.first, part.size)
        program = shared.program = Program(asked, args, named, shared, self._now, self.budget, shown)
        sql = asked.sql
        wanted: list[tuple[TableName, str]] = []

        def on_writer(conn: Connection) -> None:
            writer = self._queue.writer
            self._check_bound(conn, sql, bound)
            program.replan(conn, self.registry.plan(conn, writer.catalog, asked))
            if not wanted and (found := self._missing(program)):
                wanted.extend(found)
                return
            if wanted and program.template is not None:
                program.template.index_use = index_use(conn, sql)
            program.fill(conn)
            self.registry.add(program)
            self.registry.tell(writer.number, program)

        def on_reader(conn: Connection) -> Message:
            number = self._queue.writer.number
            self._check_bound(conn, sql, bound)
            catalog = Catalog(conn)
            program.schema = catalog.versions(conn)
            program.replan(conn, compile_template(conn, asked, catalog))
            if program.template is not None and program.template.waits:
                program.schema = ()  # so that the writer plans it anew
            program.fill(conn)
            told = program.publish(number)
            return [] if told is None else [told]

        if not (self._queue.busy and await self._fill_beside(sql, program, on_reader)):
            await self._fills.run(on_writer)
            if wanted:
                for table, statement in wanted:
                    await self._queue.make_index(table, statement)
                await self._fills.run(on_writer)
        self._keep(shared, key, program)
        self._drop_if_unwatched(key)
        return shared

    def _keep(self, shared: Shared, key: tuple[object, ...], program: Program) -> None:
        """Let equal queries find the rows; the text in `key` becomes the one that all views of it have."""
        shared.key = (program.sql, *key[1:])
        self._shared[shared.key] = shared

    def _missing(self, program: Program) -> tuple[tuple[TableName, str], ...]:
        """Return the statements that make the indexes that are missing on `indexed` tables, once a template."""
        template = program.template
        if not self.indexed or template is None or program.scrolls in template.indexed or program.rule == "re-run":
            return ()
        from .ivm.advice import missing

        template.indexed.add(program.scrolls)
        try:
            return missing(program, self.indexed, prefix="_eddy_ix")
        except Exception:  # a fault of ours: the view is kept without
            _log.exception("no indexes are made for: %s", " ".join(program.sql.split()))
            return ()

    async def _fill_beside(self, sql: str, program: Program, job: Callable[[Connection], Message]) -> bool:
        """Fill on a reader, beside an open block; False where the writer alone may see what `sql` speaks of."""
        if not self._store.readers or is_private(sql, self._queue.writer.catalog):
            return False
        try:
            self._deliver(await self.read(job))
        except UnknownTableError:
            return False
        self.registry.arrive(program)
        self._spawn(self._queue.quiet(self._catch_up))
        return True

    def _catch_up(self, conn: Connection) -> None:
        self.registry.step(conn, Changes())
        self.registry.publish(self._queue.writer.number)

    def _check_bound(self, conn: Connection, sql: str, bound: Any) -> None:
        """Raise our error unless the parameters fit the text."""
        fitting = (sql, frozenset(bound) if isinstance(bound, dict) else len(bound))
        if fitting in self._fitting:
            return
        try:
            conn.execute(uncached(f"EXPLAIN {sql}"), bound)
        except (sqlite3.Error, sqlite3.Warning) as error:
            raise translate(error, sql, conn) from error
        if len(self._fitting) >= _FITTING_MAX:
            self._fitting.clear()
        self._fitting.add(fitting)

    async def read(self, job: Callable[[Connection], Any]) -> Any:
        """Run `job` on a snapshot; where there are no readers, between transactions."""
        if not self._store.readers:
            return await self._queue.quiet(job)
        started = self._now()
        while True:
            try:
                return await self._store.read(job)
            except sqlite3.OperationalError as error:
                if not is_busy(error) or self._now() - started > self._queue.busy_timeout_s:
                    raise
            await asyncio.sleep(_BUSY_PAUSE_S)

    # -- views

    def _view(self, shared: Shared, params: Params, part: Part | None) -> View[Any]:
        view: View[Any] = View(shared, params, self, part)
        self._views[view] = None
        return view

    def forget(self, view: View[Any]) -> None:
        """A view is closed."""
        self._views.pop(view, None)

    def let_go(self, shared: Shared) -> None:
        """End a program that nobody shows any more."""
        self._shared.pop(shared.key, None)
        self._dirty.pop(shared, None)
        self.registry.retire(shared.program)

    def explain(self, program: Program, cost_us: float | None) -> Explanation:
        """Return how a query is kept."""
        from .explain import explain_program

        return explain_program(program, cost_us)

    async def move(self, view: View[Any], first: int, size: int) -> None:
        """Show another part of the list in `view`. A view of the whole list gets a program of its own."""
        self._queue.refuse_inside("live_window")
        part, shared = view._part, view._shared
        if part is None:
            part = Part(first, size)
            view._cut(part, first, size)
            values = view._params
            await self._open(shared.program.asked, values, lambda own: self._switch(view, own, values), part)
        elif shared.place is None:
            view._cut(part, first, size)
        else:
            part.first, part.size = first, size
            await self._fills.run(lambda conn: self._move(conn, shared.program, part))

    def _move(self, conn: Connection, program: Program, part: Part) -> None:
        program.move(conn, (part.first, part.size))
        self.registry.tell(self._queue.writer.number, program)

    def _switch(self, view: View[Any], shared: Shared, values: Params) -> None:
        """Show other rows in `view`; where its part was moved while they were filled, they follow."""
        view._switch(shared, values)
        part = view._part
        if part is not None and shared.program.part != (part.first, part.size):
            self._spawn(self.move(view, part.first, part.size))

    def _watch(self, view: View[Any], asked: Asked, args: Sequence[Any], named: Mapping[str, Any]) -> None:
        """Follow parameters that are signals."""
        scope = Scope("parameters of a view")
        latest = [0]

        def fill() -> None:
            latest[0] += 1
            self._spawn(self._rebind(view, asked, wanted[0], latest, latest[0]))

        def follow() -> None:
            try:
                wanted[0] = _values(args, named, lambda readable: readable.get())
            except EddylineError as error:  # a signal whose value its type refuses
                latest[0] += 1
                view._refuse_params(error)
                return
            if _same(wanted[0], view._params) and not view._waits:
                return
            view._await_params()
            fill()

        wanted = [view._params]
        view._retry = fill
        view._at_close(scope.close)
        scope.run(lambda: effect(follow))

    async def _rebind(self, view: View[Any], asked: Asked, values: Params, latest: list[int], mine: int) -> None:
        def switch(shared: Shared) -> None:
            if mine == latest[0] and not view.closed:
                self._switch(view, shared, values)

        try:
            await self._open(asked, values, switch, view._part)
        except EddylineError as error:
            if mine == latest[0] and not view.closed:
                view._refuse_params(error)

    # -- from the writer's thread to the loop

    def _deliver(self, message: Message) -> None:
        if not self._traces.hooks:
            self._show(message)
            return
        facts = {"queries": len(message), "patches": sum(len(outcome.patches) for _, _, outcome in message)}
        self._traces.propagate(message[0][1], lambda: self._show(message), facts)

    def _show(self, message: Message) -> None:
        slow_us = self.slow_s * 1e6
        with batch(on_error=self._report):
            for receiver, number, outcome in message:
                receiver.take(number, outcome)
                if outcome.cost_us is not None and outcome.cost_us > slow_us and isinstance(receiver, Shared):
                    _log_slow(receiver.program, outcome.cost_us)
            for receiver, _, outcome in message:
                receiver.tell(outcome)

    # -- the re-run rule

    def _mark_dirty(self, shared: Shared) -> None:
        self._dirty[shared] = None
        if self._refresher is None:
            self._refresher = asyncio.ensure_future(self._refresh())
            self._refresher.add_done_callback(self._refreshed)

    def _refreshed(self, task: asyncio.Task[None]) -> None:
        self._refresher = None
        for shared in list(self._dirty)[:1]:  # marked after the task's last look
            self._mark_dirty(shared)
        if not task.cancelled() and task.exception() is not None:
            self._report(task.exception())  # type: ignore[arg-type]  # just seen to be there

    async def _refresh(self) -> None:
        while self._dirty:
            await self._let_others()
            if not self._dirty:
                return
            shared = next(iter(self._dirty))
            del self._dirty[shared]
            number, taken = self._queue.writer.number, shared.taken
            program, old, columns = shared.program, (shared.rows, shared.keys), shared.columns

            def job(conn: Connection, program: Program = program, old: Any = old, columns: Any = columns) -> Outcome:
                return program.run(conn, old, columns)

            private = program.template is not None and program.template.private
            try:
                outcome = await (self._queue.quiet(job) if private else self.read(job))
                if not private and isinstance(outcome.error, UnknownTableError):
                    outcome = await self._queue.quiet(job)
            except ClosedError:
                return
            except sqlite3.OperationalError:
                self._dirty[shared] = None
                await asyncio.sleep(_BUSY_PAUSE_S)
                continue
            self._rerun_pace.spend((outcome.cost_us or 0.0) / 1e6, self._now())
            if program.rule == "re-run" and shared.watched and shared.taken == taken:
                self._deliver([(shared, number, outcome)])
                if program.cheap_again:
                    self.registry.resume(program)

    async def _let_others(self) -> None:
        """Wait while re-runs have taken more than their share, unless somebody waits for them."""
        wait_s = min(self._rerun_pace.wait_s(self._now()), RERUN_WAIT_S)
        if wait_s > 0:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._hurry.wait(), wait_s)

    def _spawn(self, coroutine: Any) -> None:
        task: asyncio.Task[Any] = asyncio.ensure_future(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._spawned)

    def _spawned(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None and not isinstance(error, ClosedError):
            self._report(error)


def _log_slow(program: Program, us: float) -> None:
    query = " ".join(program.sql.split())
    _log.warning("slow live query: %.0f ms by the rule %s: %s", us / 1e3, program.rule, query)


def _values(args: Sequence[Any], named: Mapping[str, Any], read: Callable[[Any], Any]) -> Params:
    """Return the parameter values, signals read."""
    if named:
        if args:
            raise ParameterError("give parameters by position or by name, not both")
        return {name: read(value) if is_readable(value) else value for name, value in named.items()}
    return tuple(read(value) if is_readable(value) else value for value in args)


def _bound(values: Params) -> Any:  # Any: what `bind` gives
    return bind(values, {}) if isinstance(values, tuple) else bind((), values)


def _key(asked: Asked, bound: Any, part: Part | None) -> tuple[object, ...]:
    """Return what equal queries have in common: 1, 1.0 and True are different parameters."""
    names: tuple[str, ...] = ()
    if isinstance(bound, dict):
        names, bound = tuple(bound), bound.values()
    return (asked.sql, asked.make, asked.levels, part, *names, *bound, *map(type, bound))


def _same(left: Params, right: Params) -> bool:
    if isinstance(left, tuple) or isinstance(right, tuple):
        return isinstance(left, tuple) and isinstance(right, tuple) and typed(left) == typed(right)
    return left.keys() == right.keys() and typed(left.values()) == typed(right[name] for name in left)
