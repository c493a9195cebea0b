"""ProjectList: All, Mine and each project with how many of its issues are open, live, as one source for a table.

    Project ----------+
    open_by_project --+--> rows (list, open) under the keys "all", "mine" and those of the projects
    mine_open --------+

The counts are grouped by delta; a project without open issues is there with 0.
"""

from __future__ import annotations

from collections.abc import Callable

from eddyline import Database, Patch, Reset, Scope, Signal, View, effect, signal
from eddyline.signals import Readable, diff_keyed

from .tracker_data import Project, mine_open, open_by_project

__all__ = ["ALL", "MINE", "ProjectList"]

ALL, MINE = "all", "mine"


class ProjectList:
    """A live source; close it with what shows it."""

    columns = ("list", "open")

    def __init__(self, projects: View, counts: View, mine: View) -> None:
        self._scope = Scope("project list")
        self.names: Signal[dict[str, str]] = signal({}, name="names of projects")  # by key
        self._keys: list[str] = []
        self._rows: list[tuple[str, int]] = []
        self._subscribers: dict[int, Callable[[list[Patch]], object]] = {}
        self._serial = 0
        for view in (projects, counts, mine):
            self._scope.add(view)
        self._scope.run(lambda: effect(lambda: self._follow(projects, counts, mine), name="project list"))

    @classmethod
    async def of(cls, db: Database, me: Readable[str]) -> ProjectList:
        """Open the views."""
        projects = await db.live(Project.select(Project.id, Project.name).order_by(Project.name))
        return cls(projects, await db.live(open_by_project()), await db.live(mine_open(me)))

    def subscribe(self, fn: Callable[[list[Patch]], object]) -> Callable[[], object]:
        """Call `fn` with a Reset now and with patches from then on; return what ends that."""
        self._serial += 1
        serial = self._serial
        self._subscribers[serial] = fn
        fn([Reset(list(self._rows), list(self._keys))])
        return lambda: self._subscribers.pop(serial, None)

    def close(self) -> None:
        """Close the views."""
        self._subscribers.clear()
        self._scope.close()

    def _follow(self, projects: View, counts: View, mine: View) -> None:
        by_project = {row[0]: row[1] for row in counts.rows()}
        own = mine.rows()
        keys = [ALL, MINE, *(row[0] for row in projects.rows())]
        self.names.set({row[0]: row[1] for row in projects.rows()})
        rows = [("All", sum(by_project.values())), ("Mine", own[0][0] if own else 0)]
        rows += [(row[1], by_project.get(row[0], 0)) for row in projects.rows()]
        patches = diff_keyed(self._keys, keys, self._rows, rows, self.columns)
        self._keys, self._rows = keys, rows
        if patches:
            for fn in list(self._subscribers.values()):
                fn(patches)
