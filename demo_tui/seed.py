"""The sample: an issue tracker of 12 projects, 40 people, 5,000 issues and 10,000 comments.

    person 40 <-- assignee -- issue 5,000 -- project --> project 12 -- lead --> person
                                ^ issue
                              comment 10,000

The same seed gives the same rows on every platform: only `Random.random` is used, whose values Python promises.
Everything is written in one transaction, so an interrupted first start leaves an empty file, never half a sample.
Cost: some 0.2 s.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from typing import TypeVar

from eddyline import Database

from .words import AREAS, FAULTS, FIRST_NAMES, LAST_NAMES, PARTS, PROJECTS, REMARKS, TEAMS, TIMES, WISHES

__all__ = ["COMMENTS", "ISSUES", "PEOPLE", "SEED", "ensure_sample", "is_sample", "sentence", "title"]

T = TypeVar("T")

SEED = 7
PEOPLE, ISSUES, COMMENTS = 40, 5_000, 10_000

TABLES = ("comment", "issue", "project", "person")  # in the order in which they may be dropped

SCHEMA = (
    """CREATE TABLE person (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    team TEXT NOT NULL
)""",
    """CREATE TABLE project (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    lead INTEGER REFERENCES person(id)
)""",
    """CREATE TABLE issue (
    id INTEGER PRIMARY KEY,
    title TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'doing', 'done')),
    priority INTEGER NOT NULL DEFAULT 0,
    hours INTEGER NOT NULL DEFAULT 1,
    project INTEGER NOT NULL REFERENCES project(id),
    assignee INTEGER REFERENCES person(id),
    opened TEXT NOT NULL
)""",
    """CREATE TABLE comment (
    id INTEGER PRIMARY KEY,
    issue INTEGER NOT NULL REFERENCES issue(id) ON DELETE CASCADE,
    author INTEGER NOT NULL REFERENCES person(id),
    body TEXT NOT NULL,
    written TEXT NOT NULL
)""",
    "CREATE INDEX issue_project ON issue (project)",
    "CREATE INDEX issue_assignee ON issue (assignee)",
    "CREATE INDEX issue_state_priority ON issue (state, priority, id)",
    "CREATE INDEX comment_issue ON comment (issue)",
    "CREATE INDEX comment_author ON comment (author)",
)

_START = datetime(2025, 1, 6, 8, 0, tzinfo=UTC)


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
    """Yield the rows of person; no name occurs twice."""
    used: set[str] = set()
    while len(used) < PEOPLE:
        name = f"{pick(rng, FIRST_NAMES)} {pick(rng, LAST_NAMES)}"
        if name not in used:
            used.add(name)
            yield len(used), name, pick(rng, TEAMS)


def projects(rng: Random) -> Iterator[tuple[object, ...]]:
    """Yield the rows of project."""
    for place, name in enumerate(PROJECTS, 1):
        yield place, name, number(rng, 1, PEOPLE)


def issues(rng: Random) -> Iterator[tuple[object, ...]]:
    """Yield the rows of issue."""
    for place in range(1, ISSUES + 1):
        assignee = None if rng.random() < 0.15 else skewed(rng, PEOPLE)
        opened = _START + timedelta(minutes=place * 75 + number(rng, 0, 60))
        project = skewed(rng, len(PROJECTS))
        yield (
            place, title(rng), state(rng), int(rng.random() ** 2 * 10), number(rng, 1, 24), project, assignee,
            opened.strftime("%Y-%m-%d %H:%M"),
        )  # fmt: skip


def comments(rng: Random) -> Iterator[tuple[object, ...]]:
    """Yield the rows of comment."""
    for place in range(1, COMMENTS + 1):
        written = _START + timedelta(minutes=place * 38 + number(rng, 0, 30))
        issue = number(rng, 1, max(ISSUES * place // COMMENTS, 1))
        yield place, issue, skewed(rng, PEOPLE), sentence(rng), written.strftime("%Y-%m-%d %H:%M")


async def is_sample(db: Database) -> bool:
    """Say whether the tables of the sample are there."""
    return set(TABLES) <= set(await db.tables())


async def ensure_sample(db: Database, *, seed: int = SEED, fresh: bool = False) -> None:
    """Make the sample in `db` unless it is there; `fresh`: make it anew. One transaction, safe among processes."""
    rng = Random(seed)
    async with db.transaction("make the sample") as tx:
        there = {row[0] for row in await tx.fetch("SELECT name FROM sqlite_schema WHERE type = 'table'")}
        if there.issuperset(TABLES) and not fresh:
            return
        for table in TABLES:
            await tx.execute(f"DROP TABLE IF EXISTS {table}")
        for statement in SCHEMA:
            await tx.execute(statement)
        await tx.executemany("INSERT INTO person VALUES (?, ?, ?)", people(rng))
        await tx.executemany("INSERT INTO project VALUES (?, ?, ?)", projects(rng))
        await tx.executemany("INSERT INTO issue VALUES (?, ?, ?, ?, ?, ?, ?, ?)", issues(rng))
        await tx.executemany("INSERT INTO comment VALUES (?, ?, ?, ?, ?)", comments(rng))
