"""The tracker's tables as models, and its queries, made of their columns.

    person <-- assignee -- issue -- project --> project -- lead --> person
                             ^ issue
                           comment -- author --> person

Every query is live where it is used; what the user picks (search text, project, issue) goes in as a signal.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any, Final, Literal, TypeAlias

from eddyline import Column, Model, Query, Ref, Row, Signal, Text, column, computed, count, ref
from eddyline.signals import Readable

__all__ = [
    "FILTERS", "MODELS", "SORTS", "STATES", "Comment", "Issue", "Listing", "Person", "Project", "State",
    "comments_of", "issues", "mine_open", "open_by_project", "states",
]  # fmt: skip

State: TypeAlias = Literal["open", "doing", "done"]
STATES: Final[tuple[State, ...]] = ("open", "doing", "done")
PRIORITY_MAX: Final = 9


def now() -> datetime:
    """Return the time in UTC, to the second."""
    return datetime.now(UTC).replace(microsecond=0)


class Person(Model):
    """Somebody who works on issues."""

    name: Column[str] = column(unique=True)
    team: Column[str]


class Project(Model):
    """What issues are about."""

    name: Column[str] = column(unique=True)
    lead: Ref[Person | None] = ref(default=None, on_delete="set null")


class Issue(Model):
    """Something to do."""

    title: Column[str] = column(check="title <> ''")
    body: Text = Text()
    state: Column[State] = column(default="open", index=True)
    priority: Column[int] = column(default=0, check="priority BETWEEN 0 AND 9")
    hours: Column[int] = column(default=1)
    due: Column[date | None] = column(default=None)
    project: Ref[Project] = ref(on_delete="cascade")
    assignee: Ref[Person | None] = ref(default=None, on_delete="set null")
    opened: Column[datetime] = column(default_factory=now)


class Comment(Model):
    """What somebody said about an issue."""

    issue: Ref[Issue] = ref(on_delete="cascade")
    author: Ref[Person] = ref(on_delete="cascade")
    body: Text = Text()
    written: Column[datetime] = column(default_factory=now)


MODELS: Final = (Person, Project, Issue, Comment)

FILTERS: Final[dict[str, tuple[State, ...]]] = {
    "active": ("open", "doing"),
    "open": ("open",),
    "doing": ("doing",),
    "done": ("done",),
    "all": STATES,
}
SORTS: Final = ("priority", "title", "who", "project", "due", "age")


@dataclass(frozen=True, slots=True)
class Listing:
    """What the list of issues shows and in which order. `project` and `assignee` are keys."""

    filter: str = "active"
    sort: str = "priority"
    descending: bool = True
    project: str | None = None
    assignee: str | None = None

    def sorted_by(self, column: str) -> Listing:
        """Sort by `column`; by the same one again: the other way round."""
        if column == self.sort:
            return replace(self, descending=not self.descending)
        return replace(self, sort=column, descending=column in ("priority", "age"))

    def next_filter(self) -> Listing:
        """Show the next of the filters."""
        names = list(FILTERS)
        return replace(self, filter=names[(names.index(self.filter) + 1) % len(names)])


def issues(listing: Listing, search: Signal[str]) -> Query[Issue]:
    """Return the list; `search` is followed: any part of the title.

    Names of people and projects are looked up by who shows them, so a row stays the same row when it is assigned.
    """
    pattern = computed(lambda: f"%{search()}%", name="search pattern")
    query = Issue.where(Issue.title.like(pattern))
    if listing.filter != "all":
        query = query.where(Issue.state.in_(FILTERS[listing.filter]))
    if listing.project is not None:
        query = query.where(Issue.project == listing.project)
    if listing.assignee is not None:
        query = query.where(Issue.assignee == listing.assignee)
    columns: dict[str, Any] = {  # Any: expressions of different types
        "priority": Issue.priority,
        "title": Issue.title.collate("NOCASE"),
        "who": Person.where(Person.id == Issue.assignee).select(Person.name).scalar(),
        "project": Project.where(Project.id == Issue.project).select(Project.name).scalar(),
        "due": Issue.due,
        "age": Issue.id,  # ids rise
    }
    chosen = columns[listing.sort]
    order = chosen.desc() if listing.descending else chosen.asc().nulls_last()
    return query.order_by(order, Issue.id.desc())


def open_by_project() -> Query[Row]:
    """Return how many issues of each project are open; projects without any have no row."""
    active = Issue.state.in_(FILTERS["active"])
    return Issue.select(Issue.project, count().as_("open")).where(active).group_by(Issue.project)


def mine_open(person: Readable[str]) -> Query[Row]:
    """Return how many open issues the person has whose key `person` holds now."""
    return Issue.select(count().as_("open")).where(Issue.state.in_(FILTERS["active"]), Issue.assignee == person)


def states() -> Query[Row]:
    """Return how many issues are in each state."""
    return Issue.select(Issue.state, count().as_("issues")).group_by(Issue.state)


def comments_of(issue: Readable[str]) -> Query[Row]:
    """Return what was said about the issue that `issue` holds now."""
    return (
        Comment.select(Comment.id, Comment.author.to.name.as_("author"), Comment.body, Comment.written)
        .where(Comment.issue == issue)
        .order_by(Comment.id)
    )
