"""The sample: 12 projects, 40 people, 5,000 issues and 6,000 comments in the tables of tracker_data.py.

The same seed gives the same rows on every platform, but for their keys and times: only `Random.random` is used, whose
values Python promises; ages count back from the moment the sample is made. Everything is written in one transaction,
as plain tuples (a row of a model costs ten times as much to make), so an interrupted first start leaves no half sample.
Cost: some 0.3 s.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from random import Random
from typing import TypeVar

from eddyline import Database, new_id

from .tracker_data import now
from .words import AREAS, FAULTS, FIRST_NAMES, LAST_NAMES, PARTS, PROJECTS, REMARKS, TEAMS, TIMES, WISHES

__all__ = ["COMMENTS", "ISSUES", "ME", "PEOPLE", "SEED", "ensure_sample", "is_sample", "sentence", "title"]

T = TypeVar("T")

SEED = 7
ME = "You"
PEOPLE, ISSUES, COMMENTS = 40, 5_000, 6_000

TABLES = ("comment", "issue", "project", "person")  # in the order in which they may be emptied


def pick(rng: Random, among: Sequence[T]) -> T:
    """Return one of `among`."""
    return among[int(rng.random() * len(among))]


def number(rng: Random, low: int, high: int) -> int:
    """Return a whole number from `low` to `high`, both possible."""
    return low + int(rng.random() * (high - low + 1))


def skewed(rng: Random, count: int) -> int:
    """Return a whole number from 1 to `count`, small ones more often."""
    return 1 + int(rng.random() ** 1.7 * count)


def title(rng: Random) -> str:
    """Return what an issue may be called."""
    if rng.random() < 0.7:
        return f"{pick(rng, PARTS)} {pick(rng, FAULTS)} {pick(rng, TIMES)}"
    return f"{pick(rng, WISHES)} {pick(rng, AREAS)}"


def sentence(rng: Random) -> str:
    """Return what somebody may say about an issue."""
    first, second = pick(rng, REMARKS), pick(rng, REMARKS)
    return first if rng.random() < 0.5 or first == second else f"{first} {second}"


def state(rng: Random) -> str:
    """Return the state of an issue: more than half are done."""
    at = rng.random()
    return "done" if at < 0.55 else "open" if at < 0.88 else "doing"


def people(rng: Random) -> Iterator[tuple[object, ...]]:
    """Yield the rows of person; no name occurs twice. The first one is the user."""
    yield new_id(), ME, "Platform"
    used: set[str] = set()
    while len(used) < PEOPLE - 1:
        name = f"{pick(rng, FIRST_NAMES)} {pick(rng, LAST_NAMES)}"
        if name not in used:
            used.add(name)
            yield new_id(), name, pick(rng, TEAMS)


def projects(rng: Random, people: Sequence[object]) -> Iterator[tuple[object, ...]]:
    """Yield the rows of project."""
    for name in PROJECTS:
        yield new_id(), name, pick(rng, people)


def issues(
    rng: Random, people: Sequence[object], projects: Sequence[object], end: datetime
) -> Iterator[tuple[object, ...]]:
    """Yield the rows of issue, the last one opened just before `end`."""
    for place in range(1, ISSUES + 1):
        assignee = None if rng.random() < 0.15 else people[skewed(rng, len(people)) - 1]
        opened = end - timedelta(minutes=(ISSUES - place) * 75 + number(rng, 1, 60))
        due = (end + timedelta(days=number(rng, -9, 45))).date().isoformat() if rng.random() < 0.3 else None
        body = sentence(rng) if rng.random() < 0.6 else ""
        yield (
            new_id(), title(rng), body, state(rng), int(rng.random() ** 2 * 10), number(rng, 1, 24), due,
            projects[skewed(rng, len(projects)) - 1], assignee, opened.isoformat(" "),
        )  # fmt: skip


def comments(
    rng: Random, people: Sequence[object], issues: Sequence[object], end: datetime
) -> Iterator[tuple[object, ...]]:
    """Yield the rows of comment."""
    for place in range(1, COMMENTS + 1):
        written = end - timedelta(minutes=(COMMENTS - place) * 60 + number(rng, 0, 30))
        issue = issues[int(rng.random() * max(len(issues) * place // COMMENTS, 1))]
        yield new_id(), issue, people[skewed(rng, len(people)) - 1], sentence(rng), written.isoformat(" ")


async def is_sample(db: Database) -> bool:
    """Say whether the tables of the sample are there."""
    return set(TABLES) <= set(await db.tables())


async def ensure_sample(db: Database, *, seed: int = SEED, fresh: bool = False, end: datetime | None = None) -> None:
    """Fill the empty tables of the tracker in `db`; `fresh`: also where rows are. Safe among processes."""
    rng, end = Random(seed), end or now()
    async with db.transaction("make the sample") as tx:
        if not fresh and await tx.fetch("SELECT 1 FROM person LIMIT 1"):
            return
        for table in TABLES:
            await tx.execute(f"DELETE FROM {table}")
        who = list(people(rng))
        keys = [row[0] for row in who]
        await tx.executemany("INSERT INTO person (id, name, team) VALUES (?, ?, ?)", who)
        about = list(projects(rng, keys))
        await tx.executemany("INSERT INTO project (id, name, lead) VALUES (?, ?, ?)", about)
        all_issues = list(issues(rng, keys, [row[0] for row in about], end))
        await tx.executemany(
            "INSERT INTO issue (id, title, body, state, priority, hours, due, project, assignee, opened) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            all_issues,
        )
        await tx.executemany(
            "INSERT INTO comment (id, issue, author, body, written) VALUES (?, ?, ?, ?, ?)",
            comments(rng, keys, [row[0] for row in all_issues], end),
        )
