"""The registry: all programs of one database, stepped together with each commit.

    writer thread:  step(changes) -> every program that it concerns      publish -> one message to the loop
    loop:           add (by a fill job), close (from anywhere)

It is the participant that `core.write` knows by protocol. Everything here happens on the writer's thread, but for
`retire` and `arrive`, which only leave a note.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from itertools import count
from typing import TypeAlias

from ..changes import Changes, Needs
from ..errors import EddylineError
from ..query.asked import Asked
from ..schema.catalog import Catalog, TableName
from ..store import Connection
from .compile import Planned, Shapes, compile_template
from .derived import DerivedTables
from .program import Outcome, Program, Receiver
from .routing import Router
from .template import Template

__all__ = ["Message", "Registry"]

PLANNED_MAX = 2_000

Message: TypeAlias = list[tuple[Receiver, int, Outcome]]


class Registry:
    """Programs by the tables they read."""

    def __init__(self, send: Callable[[Message], None]) -> None:
        self._send = send
        self._programs: dict[Program, None] = {}
        self._router: Router[Program] = Router()
        self._reruns: dict[TableName, dict[Program, None]] = {}
        self._needed: dict[TableName, Counter[str]] = {}
        self._unsettled: dict[Program, None] = {}
        self._planned: dict[object, Planned] = {}
        self._shapes: Shapes = {}
        self._planned_max = PLANNED_MAX
        self._stepped: list[Program] = []
        self._notes: deque[tuple[Program, bool]] = deque()
        self._behind: dict[Program, None] = {}
        self._catalog: Catalog | None = None
        self._derived = DerivedTables()
        self._leaving: list[Program] = []
        self._dear: list[Program] = []
        self._serial = count(1)
        self._moves = self._captured = 0

    # -- programs come and go

    def plan(self, conn: Connection, catalog: Catalog, asked: Asked) -> Planned:
        """Return the template of `asked`, compiled once a schema version; queries of one shape share it."""
        self._sweep(conn, catalog)
        at = (asked.sql, asked.levels)
        planned = self._planned.get(at)
        if planned is None:
            if len(self._planned) >= self._planned_max:
                self._forget_unused(conn, catalog)
            planned = self._planned[at] = compile_template(conn, asked, catalog, self._shapes, self._derived)
        return planned

    def add(self, program: Program) -> None:
        """Take a program whose template is there; it is stepped from now on."""
        self._programs[program] = None
        self._index(program)
        self._move()

    def arrive(self, program: Program) -> None:
        """Take a program that was filled on another snapshot: its next step reads anew. From any thread.

        `program.schema` says by which schema it was planned; where that has moved, it is planned anew, too.
        """
        program.catch_up = True
        self._notes.append((program, True))
        self._move()

    def resume(self, program: Program) -> None:
        """Keep a program in the commit again that was deferred: its next step plans it. From any thread."""
        program.schema = ()
        self.arrive(program)

    def retire(self, program: Program) -> None:
        """Let a program go. From any thread."""
        self._notes.append((program, False))
        self._move()

    def __len__(self) -> int:
        last = dict(self._notes.copy())
        gone = sum(program in self._programs for program, comes in last.items() if not comes)
        come = sum(program not in self._programs for program, comes in last.items() if comes)
        return len(self._programs) + come - gone

    # -- what the writer asks

    @property
    def needs_version(self) -> int:
        """Moves whenever a program came or went."""
        return self._moves

    def needs(self, catalog: Catalog) -> Needs:
        """Return the columns that some program needs captured."""
        self._catalog = catalog
        self._tidy()
        self._captured = self._moves
        return {table: frozenset(columns) for table, columns in self._needed.items()}

    def schema_moved(self, conn: Connection, catalog: Catalog) -> None:
        """Plan every program anew; one whose text is no longer valid fails with the reason."""
        self._tidy()
        self._planned.clear()
        for template in self._shapes.values():
            self._drop(conn, catalog, template)
        self._shapes.clear()
        self._leaving.clear()
        self._router.clear()
        self._reruns.clear()
        self._needed.clear()
        self._catalog = catalog
        for program in self._programs:
            self._replan(conn, catalog, program)
        self._move()

    def step(self, conn: Connection, changes: Changes) -> None:
        """Stage `changes` in every program that they concern."""
        self._tidy()
        if self._catalog is not None:
            self._sweep(conn, self._catalog)
            if self._behind:
                self._fit_behind(conn, self._catalog)
        concerned = self._concerned(conn, changes)
        if self._dear:
            concerned = list(dict.fromkeys([*self._defer_dear(conn), *concerned]))
        for program in concerned:
            self._stepped.append(program)
            program.step(conn, changes)

    def publish(self, number: int) -> None:
        """Keep what is staged and tell the loop, in one message."""
        if not self._stepped:
            return
        told = [call for program in self._stepped if (call := program.publish(number)) is not None]
        for program in self._stepped:
            if self._behind:
                self._note_behind(program)
            if self._unsettled or not program.settled:
                self._note_settled(program)
            if program.too_dear:
                self._dear.append(program)
        self._stepped.clear()
        if told:
            self._send(told)

    def tell(self, number: int, *programs: Program) -> None:
        """Publish programs that were just filled, in one message."""
        told = [call for program in programs if (call := program.publish(number)) is not None]
        for program in programs:
            self._note_settled(program)
        if told:
            self._send(told)

    def discard(self) -> None:
        """Forget what is staged."""
        for program in self._stepped:
            program.discard()
        self._stepped.clear()

    # -- inside

    def _concerned(self, conn: Connection, changes: Changes) -> list[Program]:
        if changes.everything or not self._programs:
            return list(self._programs)
        found = self._router.reached(conn, changes)
        if self._behind:
            found = {**self._behind, **found}
        for table in changes.unknown:
            found.update(dict.fromkeys(self._router.readers(table)))
        if self._reruns:
            for table in (*changes.touched, *changes.logs):
                found.update(self._reruns.get(table, {}))
        for program in self._unsettled:
            tables = program.needs()
            if any(table in changes.logs or table in changes.unknown for table in tables):
                found[program] = None
        return list(found)

    def _defer_dear(self, conn: Connection) -> list[Program]:
        """Have those run behind the commit, from this one on, that have taken too much of the last ones."""
        dear, self._dear = [program for program in self._dear if program in self._programs and program.too_dear], []
        for program in dear:
            self._unindex(program)
            program.defer(conn)
            self._index(program)
        if dear:
            self._move()
        return dear

    def _sweep(self, conn: Connection, catalog: Catalog) -> None:
        """Take the rows of programs that have gone out of derived tables, and tables that no program has."""
        if not self._leaving:
            return
        gone, self._leaving = self._leaving, []
        used = {id(program.template) for program in self._programs}
        for program in gone:
            program.leave(conn)
        unused = {id(p.template): p.template for p in gone if p.template is not None and id(p.template) not in used}
        for template in unused.values():
            self._drop(conn, catalog, template)
        self._planned = {at: planned for at, planned in self._planned.items() if id(planned.template) not in unused}
        self._shapes = {shape: template for shape, template in self._shapes.items() if id(template) not in unused}

    def _drop(self, conn: Connection, catalog: Catalog, template: Template) -> None:
        for inner in template.inners:
            self._derived.drop(conn, catalog, inner)

    def _forget_unused(self, conn: Connection, catalog: Catalog) -> None:
        """Let the templates go that no program has: texts with literals in them would pile up."""
        used = {id(program.template) for program in self._programs}
        for template in self._shapes.values():
            if id(template) not in used:
                self._drop(conn, catalog, template)
        self._planned = {at: planned for at, planned in self._planned.items() if id(planned.template) in used}
        self._shapes = {shape: template for shape, template in self._shapes.items() if id(template) in used}
        self._planned_max = max(PLANNED_MAX, 2 * len(self._planned))

    def _note_behind(self, program: Program) -> None:
        """A program that is behind is so until its needs are captured: what is written before then isn't for it."""
        if self._moves == self._captured:
            self._behind.pop(program, None)
        program.catch_up = program in self._behind

    def _note_settled(self, program: Program) -> None:
        """Remember who must look at every change, also at one that asks for other values than it does."""
        if program.settled:
            self._unsettled.pop(program, None)
        else:
            self._unsettled[program] = None

    def _fit_behind(self, conn: Connection, catalog: Catalog) -> None:
        """Plan those anew that a reader planned before, or after, the schema was what it is here."""
        now = catalog.versions(conn)
        for program in self._behind:
            if program.schema != now:
                program.schema = now
                self._unindex(program)
                self._replan(conn, catalog, program)
                self._move()

    def _replan(self, conn: Connection, catalog: Catalog, program: Program) -> None:
        try:
            program.replan(conn, self.plan(conn, catalog, program.asked))
        except EddylineError as error:
            program.replan(conn, error)
        self._index(program)

    def _index(self, program: Program) -> None:
        template = program.template
        if template is None:
            return
        for table, columns in program.needs().items():
            self._needed.setdefault(table, Counter()).update(columns)
        if program.rule == "re-run":
            for table in program.needs():
                self._reruns.setdefault(table, {})[program] = None
        route = template.route if program.rule != "re-run" and not program.reads_inside(template.route) else None
        keys = None if route is None else route.keys(program.params)
        self._router.add(program, program.needs(), route, keys)

    def _tidy(self) -> None:
        """Follow the notes of other threads, in the order in which they were left."""
        while self._notes:
            program, comes = self._notes.popleft()
            if comes:
                self._behind[program] = None
                if program not in self._programs:
                    self.add(program)
                continue
            self._behind.pop(program, None)
            if program in self._programs:
                self._forget(program)

    def _forget(self, program: Program) -> None:
        del self._programs[program]
        if program.template is not None and program.template.inners:
            self._leaving.append(program)
        self._unsettled.pop(program, None)
        self._unindex(program)

    def _unindex(self, program: Program) -> None:
        """Undo `_index`, by the same template."""
        self._router.discard(program)
        for programs in self._reruns.values():
            programs.pop(program, None)
        for table, columns in program.needs().items():
            left = self._needed[table]
            for column in columns:
                left[column] -= 1
                if not left[column]:
                    del left[column]
            if not left:
                del self._needed[table]

    def _move(self) -> None:
        """Give the needs a new version; each of two threads at once gives another."""
        self._moves = next(self._serial)
