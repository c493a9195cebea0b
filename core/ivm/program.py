"""Programs: one query with its parameters, kept on the writer's thread.

    fill -> staged      step(changes) -> staged      publish -> Outcome for the loop      discard -> as before

Whatever goes wrong in a step (malformed JSON in a row that just left, an overflow), the query itself is the judge: it
is read anew, and only if that fails is the program failed. A step that contradicts what is held (a row goes that never
came: SQLite answered two statements in two ways, or we are wrong) is read anew, too, and counted: `repairs`. A failed
program keeps its last rows and tries again with the next change. A change that is larger than reading anew costs is
followed by reading anew (the cost rule); the costs are measured.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from sys import intern
from typing import Any, Literal, Protocol, TypeAlias

from ...signals.patch import Patch, Reset
from ..changes import TOUCH, Changes, Needs
from ..errors import EddylineError, StateError, UnreadableError, ViewTooLargeError, is_busy
from ..query.asked import Asked
from ..query.diagnose import translate
from ..query.nested import diff_rows
from ..store import Connection
from ..values import SqlValue
from .budget import VIEW_BYTES, Budget, ViewSize, bytes_of
from .compile import Planned
from .costs import FEW_ROWS, CostRule
from .layout import Layout
from .maintained import Maintained, Unkept, derived_in, operator_of, scrolls
from .nested import LevelPlan, Nested
from .operator import Entry, TooLarge
from .read_rows import Included, read_rows
from .routing import Route
from .scroll import Scroll
from .template import Rule, Template
from .together import Together

__all__ = ["UNREADABLE", "Meter", "Outcome", "Program", "Receiver", "Status"]

Status: TypeAlias = Literal["filling", "live", "stale", "failed"]

UNREADABLE = (sqlite3.Error, OverflowError, UnreadableError, ViewTooLargeError)
"""What reading may raise: SQLite's errors, its integers' overflow, a value that a model can't take, too many rows."""

_GROUP_BYTES = 800


@dataclass(slots=True)
class Outcome:
    """What a program tells the loop. `columns` is given with a Reset; `dirty` asks for a re-run on a reader.

    `place` is (first, total) where the rows are a part of the list, None where they are the whole.
    """

    patches: list[Patch]
    status: Status
    error: Exception | None = None
    columns: tuple[str, ...] | None = None
    dirty: bool = False
    cost_us: float | None = None
    place: tuple[int, int] | None = None


class Meter:
    """What one program has cost; see `QueryStats`."""

    __slots__ = ("patches", "read_anew", "reruns", "rows_in", "steps", "total_us", "worst_us")

    def __init__(self) -> None:
        self.steps = self.read_anew = self.reruns = self.rows_in = self.patches = 0
        self.total_us = self.worst_us = 0.0

    @property
    def mean_us(self) -> float:
        """The mean of a step or run."""
        return self.total_us / (self.steps + self.reruns) if self.steps + self.reruns else 0.0

    def took(self, us: float) -> None:
        """Add the time of a step or run."""
        self.total_us += us
        if us > self.worst_us:
            self.worst_us = us


class Receiver(Protocol):
    """Who shows a program's rows, on the loop. All take what a commit changed before any tells of it."""

    def take(self, number: int, outcome: Outcome) -> None:
        """Change the rows."""

    def tell(self, outcome: Outcome) -> None:
        """Call subscribers and mark signals."""


class Program(CostRule):
    """One query with bound parameters. `receiver` shows its rows on the loop.

    `part` is (first, size) where only so many of the rows are wanted. Where the rule can't tell their place, all are
    kept, and shown to a view that cuts.
    """

    __slots__ = (
        "_budget",
        "_kept",
        "_levels",
        "_meter",
        "_names",
        "_now",
        "_own",
        "_place",
        "_plan_error",
        "_positional",
        "_replanned",
        "_staged",
        "_status",
        "_unheld",
        "asked",
        "catch_up",
        "last_repair",
        "last_rule",
        "part",
        "receiver",
        "repairs",
        "schema",
        "template",
    )

    def __init__(
        self,
        asked: Asked,
        args: Sequence[SqlValue],
        named: Mapping[str, SqlValue],
        receiver: Receiver,
        now: Callable[[], float],
        budget: Budget,
        part: tuple[int, int] | None = None,
    ) -> None:
        super().__init__()
        self.part, self._budget = part, budget
        self.asked, self._positional = asked, not named
        self._own = dict(named) if named else {intern(f"p{n}"): value for n, value in enumerate(args, 1)}
        self.receiver = receiver
        self.template: Template | None = None
        self.catch_up = False
        self.schema: tuple[int, ...] = ()
        self.repairs = 0
        self.last_repair: Exception | None = None
        self.last_rule: Rule | None = None
        self._meter: Meter | None = None
        self._now = now
        self._kept: Maintained | Scroll | Nested | None = None
        self._levels: tuple[LevelPlan, ...] = ()
        self._place: tuple[int, int] | None = None
        self._status: Status = "filling"
        self._names: tuple[str, ...] = ()
        self._replanned = True
        self._unheld = False
        self._plan_error: Exception | None = None
        self._staged: Outcome | None = None

    # -- planning

    @property
    def bound(self) -> Sequence[SqlValue] | Mapping[str, SqlValue]:
        """The parameters as the text takes them."""
        return tuple(self._own.values()) if self._positional else self._own

    @property
    def sql(self) -> str:
        """The text."""
        return self.asked.sql

    @property
    def meter(self) -> Meter:
        """What it has cost. From any thread."""
        return self._meter or self._filled_once()

    def metered(self) -> Meter:
        """Return what counts its cost; made when there is more to count than a fill."""
        if self._meter is None:
            self._meter = self._filled_once()
        return self._meter

    def _filled_once(self) -> Meter:
        meter = Meter()
        meter.read_anew = int(self._status != "filling" and self._kept is not None)
        meter.patches = int(self._status == "live")
        return meter

    @property
    def params(self) -> dict[str, SqlValue]:
        """The parameters as the template's plan calls them; positional ones of the text itself are p1, p2, ..."""
        own = self._own
        if self.template is None or self.template.params == self._names:
            return own
        return {name: own[mine] for name, mine in zip(self.template.params, self._names, strict=True)}

    def leave(self, conn: Connection) -> None:
        """Take what is the program's out of derived tables, where they are still there."""
        if self._kept is not None:
            for operator in derived_in(self._kept.operator):
                with suppress(sqlite3.Error):  # a rollback, or a moved schema, has taken the tables themselves
                    operator.leave(conn)

    def replan(self, conn: Connection, planned: Planned | EddylineError) -> None:
        """Take a new template, or the reason why there is none any more; the next step reads anew."""
        self.leave(conn)
        self._replanned, self._kept, self._plan_error = True, None, None
        self._defer(deferred=False)
        if isinstance(planned, Exception):
            self.template, self._plan_error = None, planned
            return
        template = self.template = planned.template
        self._names = planned.names
        if planned.asked.make == self.asked.make:
            self.asked = planned.asked
        self._levels = planned.levels
        self._kept = self._made(conn, template)

    def _made(self, conn: Connection, template: Template) -> Maintained | Scroll | Nested | None:
        """Return what keeps the rows, empty as yet; None where only running the query does."""
        kept: Maintained | Scroll | None = None
        if self.part is not None and scrolls(template):
            assert isinstance(template.layout, Layout), "only one SELECT scrolls"
            operator = operator_of(conn, template, self.params)
            kept = Scroll(template.layout, operator, self.params, self.part, self.asked.make)
        elif template.plan is not None:
            with suppress(Unkept):
                kept = Maintained(conn, template, self.params, self.asked.make)
        if kept is None or not self._levels:
            return kept
        return Nested(kept, template.needs, self._levels, self._own)

    @property
    def rule(self) -> Rule:
        """How the query is kept now."""
        return self.template.rule if self.template is not None and self._kept is not None else "re-run"

    @property
    def reason(self) -> str:
        """Why that rule, of all."""
        if self.template is None:
            return "the query can't be planned any more"
        if not self._deferred:
            return self.template.reason
        most, kept = self._budget.ms_max or 0, f"by the rule {self.template.rule}: {self.template.reason}"
        return f"deferred, as it took more than {most:g} ms of each commit (db.view_ms_max) {kept}"

    @property
    def scrolls(self) -> bool:
        """Whether only a part of the list is kept."""
        return self._scroll is not None

    @property
    def held(self) -> tuple[int, int, int] | None:
        """The places (from, to) of what is held of a list that scrolls, and its length."""
        kept = self._scroll
        return None if kept is None else (kept.skip, kept.skip + len(kept.entries), kept.total)

    @property
    def defining(self) -> str | None:
        """The text that defines the rows; None where that is the query's own: re-run, or over derived tables."""
        template = self.template
        if template is None or template.layout is None or template.inners:
            return None
        if self._kept is None and not self._deferred:
            return None
        return template.layout.defining()

    def needs(self) -> Needs:
        """What must be captured for it."""
        if self.template is None:
            return {}
        needs = dict(self.template.needs) if self._levels else self.template.needs
        for plan in (every for level in self._levels for every in level.every()):
            needs = {**needs, **{table: needs.get(table, frozenset()) | plan.needs[table] for table in plan.needs}}
        return needs if self._kept is not None else dict.fromkeys(needs, TOUCH)

    def reads_inside(self, route: Route | None) -> bool:
        """Say whether what its rows include reads a table of `route`, whose values then don't say what reaches it."""
        if route is None or not self._levels:
            return False
        tables = {route.table, *route.beside}
        return any(table in tables for level in self._levels for plan in level.every() for table in plan.needs)

    @property
    def settled(self) -> bool:
        """Whether its rows are what its rule holds, so that only a change that reaches them matters."""
        return self._status == "live" and not self._replanned and not self.catch_up

    @property
    def state_size(self) -> int:
        """How many entries and groups are held."""
        if self._kept is None:
            return 0
        inside = len(self._kept.held()) if isinstance(self._kept, Nested) else 0
        return len(self._kept.window.entries) + self._kept.operator.size + inside

    def size(self, rows: Sequence[Any], keys: Sequence[Any]) -> ViewSize:
        """Return what it holds, with `rows` and `keys` on the loop."""
        bytes_ = VIEW_BYTES + bytes_of(keys, values=self._kept is None)
        if self._kept is None:
            return ViewSize(len(rows), bytes_ + bytes_of(rows))
        held, size = self._held()
        return ViewSize(max(held, len(rows)), bytes_ + size + bytes_of(rows, values=False))

    def delta_sql(self, changes: Changes) -> list[str]:
        """Return the statements that a change of those tables would run."""
        if self._kept is None:
            return []
        inside = self._kept.statements(changes) if isinstance(self._kept, Nested) else []
        return [*self._kept.operator.statements(changes), *inside]

    # -- the two phases

    def fill(self, conn: Connection) -> None:
        """Stage the first rows."""
        started = self._now()
        if self._kept is not None:
            self._read_anew(conn)
        else:
            self._run_as_it_is(conn)
        assert self._staged is not None, "a fill stages rows or a failure"
        self._staged.cost_us = (self._now() - started) * 1e6

    @property
    def together(self) -> Together | None:
        """What fills it with others of its template; None where it is filled alone."""
        template = self.template
        if template is None or not isinstance(self._kept, Maintained) or self._budget.limited:
            return None
        plain = template.groups is None and not template.inners
        if template.rule != "delta" or not plain or self._kept.window.hi is not None:
            return None
        return template.layout.together if isinstance(template.layout, Layout) else None

    def take(self, entries: list[Entry], cost_us: float) -> None:
        """Stage the first rows, read by `together`."""
        assert isinstance(self._kept, Maintained), "what is filled together has a window"
        assert self.template is not None, "and a template"
        patches = self._kept.window.reset(entries, None, diff=False)
        self._read_us = cost_us
        self._staged = Outcome(patches, "live", columns=self.template.columns, cost_us=cost_us)

    def step(self, conn: Connection, changes: Changes) -> None:
        """Stage the effect of `changes`."""
        started = self._now()
        read_anew = self._must_read_anew(changes)
        if self._plan_error is not None:
            self._fail(self._plan_error)
        elif self._kept is None:
            self._staged = Outcome([], self._status, dirty=True, place=self._place)
        elif read_anew or not self._try_step(conn, changes):
            self._read_anew(conn)
        took_us = (self._now() - started) * 1e6
        meter = self.metered()
        meter.steps += 1
        meter.took(took_us)
        if self._kept is not None and not (changes.everything or self.catch_up or self._replanned):
            rows = sum(changes.counts.values())
            meter.rows_in += 0 if read_anew else rows
            self._note_step(rows, took_us, learn=not read_anew, dear=self._is_dear(rows, took_us))
        if self._staged is not None:
            self._staged.cost_us = took_us

    def defer(self, conn: Connection) -> None:
        """Be run behind the commit from now on."""
        self.leave(conn)
        self._kept = None
        self._defer(deferred=True)

    def run(self, conn: Connection, old: tuple[list[Any], list[Any]], columns: tuple[str, ...]) -> Outcome:
        """Run the query, on any connection, behind the commit; tell how its rows differ from `old` (rows, keys)."""
        started = self._now()
        try:
            patches, names = self._rows_now(self._budget.guard(conn, self.sql), old, columns)
        except UNREADABLE as error:
            if is_busy(error):
                raise
            return Outcome([], "failed", self._ours(error, conn))
        took_us = (self._now() - started) * 1e6
        meter = self.metered()
        meter.reruns += 1
        meter.patches += len(patches)
        meter.took(took_us)
        self._note_run(took_us, self._budget.ms_max)
        return Outcome(patches, "live", columns=names, cost_us=took_us)

    def move(self, conn: Connection, part: tuple[int, int]) -> None:
        """Stage another part of the list; where the program isn't what it was, the next step does."""
        self.part = part
        scroll = self._scroll
        if scroll is None or self._kept is None:
            return
        if not self.settled:
            scroll.first, scroll.size = part
            return
        try:
            patches = scroll.move(conn, *part)
            if isinstance(self._kept, Nested):
                patches = self._kept.follow(conn, Changes(), patches)
        except (*UNREADABLE, StateError):
            self._kept.discard()
            scroll.first, scroll.size = part
            self._read_anew(conn)
            return
        self._staged = Outcome(patches, "live", place=self._kept.place)

    def publish(self, number: int) -> tuple[Receiver, int, Outcome] | None:
        """Keep what is staged; return what the loop has to be told, if anything."""
        if self._kept is not None:
            self._kept.publish()
        staged, self._staged = self._staged, None
        self.catch_up = False
        if staged is None:
            return None
        if self._meter is not None or self._status != "filling":
            self.metered().patches += len(staged.patches)
        told = staged.status != self._status or staged.status == "failed"
        told = told or bool(staged.patches) or staged.dirty or staged.columns is not None
        told = told or staged.place != self._place
        self._status, self._place = staged.status, staged.place
        if staged.columns is not None:
            self._replanned, self._unheld = self._unheld, False
        return (self.receiver, number, staged) if told else None

    def discard(self) -> None:
        """Forget what is staged."""
        if self._kept is not None:
            self._kept.discard()
        self._staged = None

    # -- inside

    @property
    def _scroll(self) -> Scroll | None:
        kept = self._kept.root if isinstance(self._kept, Nested) else self._kept
        return kept if isinstance(kept, Scroll) else None

    def _is_dear(self, rows: int, took_us: float) -> bool:
        """Say whether a step has taken too much of its commit, and about as much as reading anew, which some do."""
        ms_max = self._budget.ms_max
        if ms_max is None or took_us <= 1e3 * ms_max or rows > FEW_ROWS or self.scrolls:
            return False
        touch = self.template.touch if self.template is not None else None
        reads_all = touch is not None and not touch.identities
        return reads_all or self._is_like_reading(took_us)

    def _must_read_anew(self, changes: Changes) -> bool:
        if changes.everything or self.catch_up or self._replanned or self._status == "failed":
            return True
        assert self.template is not None, "a program without a template is failed"
        if changes.unknown and any(table in changes.unknown for table in self.needs()):
            self.last_rule = "re-run"
            return True
        if sum(changes.counts.values()) <= FEW_ROWS:
            return False
        return self._dearer_than_reading(sum(changes.counts.get(table, 0) for table in self.needs()))

    def _try_step(self, conn: Connection, changes: Changes) -> bool:
        """Step by the rule; False: it has to be read anew."""
        assert self._kept is not None, "only planned queries step"
        assert self.template is not None, "a planned query has a template"
        if changes.large:
            changes.settle(self.needs())
        try:
            patches = self._kept.step(conn, changes)
            if self._budget.limited:
                self._check_size()
        except (*UNREADABLE, TooLarge):
            self._kept.discard()
            return False
        except Exception as error:  # a fault of SQLite's or of ours: the writer isn't harmed, and it can be seen
            self._kept.discard()
            self.repairs += 1
            self.last_repair = error.with_traceback(None)
            return False
        place = self._kept.place
        if patches or place != self._place:
            self._staged = Outcome(patches, "live", place=place)
        return True

    def _read_anew(self, conn: Connection) -> None:
        assert self._kept is not None, "only planned queries are filled here"
        if self._meter is not None or self._status != "filling":
            self.metered().read_anew += 1
        started = self._now()
        try:
            patches = self._kept.fill(self._budget.guard(conn, self.sql), diff=not self._replanned)
            if self._budget.limited:
                self._check_size()
        except ViewTooLargeError as error:
            self._kept.discard()
            self._fail(error)
            return
        except UNREADABLE:
            self._kept.discard()
            self._run_as_it_is(conn)
            return
        columns = None
        if self._replanned:
            assert self.template is not None, "a planned query has a template"
            columns = self.template.columns
        self._read_us = (self._now() - started) * 1e6
        self._staged = Outcome(patches, "live", columns=columns, place=self._kept.place)

    def _run_as_it_is(self, conn: Connection) -> None:
        """Let the query itself judge: a row that fails may stand where the query, unlike us, never looks (OFFSET)."""
        try:
            guarded = self._budget.guard(conn, self.sql)
            patches, columns = read_rows(guarded, *self._defining(), ([], []), (), self.asked.make, self.included)
        except UNREADABLE as error:
            self._fail(self._ours(error, conn))
            return
        self._replanned = self._unheld = True
        self._staged = Outcome(patches, "live", columns=columns)

    @property
    def included(self) -> Included | None:
        """The levels of what its rows include, and their parameters."""
        return (self.asked.levels, self._own) if self.asked.levels else None

    def _rows_now(
        self, conn: Connection, old: tuple[list[Any], list[Any]], columns: tuple[str, ...]
    ) -> tuple[list[Patch], tuple[str, ...]]:
        """Read the rows as the rule would have them; return how they differ from `old`, and the names of columns."""
        template = self.template
        kept = self._made(conn, template) if self._deferred and template is not None and not template.inners else None
        if kept is not None and template is not None:
            with suppress(sqlite3.Error, OverflowError):  # a row that fails may stand where the query never looks
                (patch,) = kept.fill(conn, diff=False)
                assert isinstance(patch, Reset), "a first fill is a reset"
                if columns != template.columns:
                    return [patch], template.columns
                return diff_rows(old[1], patch.keys, old[0], patch.rows, columns), columns
        return read_rows(conn, *self._defining(), old, columns, self.asked.make, self.included)

    def _defining(self) -> tuple[str, Any]:
        """Return the text that defines the rows, and its parameters."""
        text = self.defining
        return (self.sql, self.bound) if text is None else (text, self.params)

    def _held(self) -> tuple[int, int]:
        """Return how many rows the rule holds, and in how many bytes, about."""
        kept = self._kept
        assert kept is not None, "only planned queries hold rows"
        entries, groups = kept.window.entries[:], kept.operator.size
        inside = kept.held() if isinstance(kept, Nested) else []
        rows = max(len(entries), groups) + len(inside)
        return rows, bytes_of(entries) + _GROUP_BYTES * groups + bytes_of(inside)

    def _check_size(self) -> None:
        """Raise `ViewTooLargeError` where more is held than the budget allows."""
        self._budget.check(*self._held(), self.sql)

    def _ours(self, error: Exception, conn: Connection) -> Exception:
        if isinstance(error, EddylineError):
            return error
        failure = translate(error, self.sql, conn)
        assert isinstance(failure, Exception), "an Exception is translated to one"
        return failure

    def _fail(self, error: Exception) -> None:
        self._staged = Outcome([], "failed", error, place=self._place)
