"""The reference workload: an issue tracker, its five queries, and the writes that happen to it.

    project (100) <--- issue (N) ---> user (1,000)            INTEGER PRIMARY KEYs, no foreign keys declared
                         ^--- comment (3 N) ---> user         every join and every filter has its index

A *hot* issue is one of project 7, which the queries filter by where they filter by project. Half of the writes are
relevant to the query: they insert, update or delete hot, open, urgent issues and, for the queries that read comments,
comments of user 3 on hot issues. The other half does the like to issues that are done or of other projects, and to the
comments of others.
Everything is seeded: the same arguments, the same rows, the same writes.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import TypeAlias

from eddyline.core.write.sync import SyncTransaction

__all__ = ["BULK_ROWS", "QUERIES", "Query", "Tracker", "Write"]

Write: TypeAlias = tuple[str, tuple[int | str, ...]]

PROJECTS, USERS, COMMENTS_EACH = 100, 1_000, 3
HOT_PROJECT, HOT_USER = 7, 3
BULK_ROWS = 5_000
URGENT = 1_000_000  # priorities above it stand in front of all that were there at first
_STATES = ("open", "doing", "done")

SCHEMA = """
CREATE TABLE project (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE user (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE issue (id INTEGER PRIMARY KEY, title TEXT NOT NULL, state TEXT NOT NULL, priority INTEGER NOT NULL,
    project INTEGER NOT NULL, owner INTEGER NOT NULL);
CREATE TABLE comment (id INTEGER PRIMARY KEY, issue INTEGER NOT NULL, author INTEGER NOT NULL, body TEXT NOT NULL);
"""
INDEXES = """
CREATE INDEX issue_by_state ON issue (state, priority DESC, id);
CREATE INDEX issue_by_project ON issue (project);
CREATE INDEX issue_by_owner ON issue (owner);
CREATE INDEX comment_by_issue ON comment (issue, author);
CREATE INDEX comment_by_author ON comment (author);
"""


@dataclass(frozen=True, slots=True)
class Query:
    """One live query; `comments` says whether it reads them."""

    name: str
    sql: str
    comments: bool = False


QUERIES = (
    Query(
        "Q1 filter, order, limit 50",
        "SELECT id, title, priority FROM issue WHERE state = 'open' ORDER BY priority DESC LIMIT 50",
    ),
    Query(
        "Q2 three-way join, filtered",
        "SELECT i.id, i.title, i.priority, p.name, u.name FROM issue i JOIN project p ON p.id = i.project "
        "JOIN user u ON u.id = i.owner WHERE i.project = 7 AND i.state = 'open'",
    ),
    Query(
        "Q3 group by, count and sum",
        "SELECT p.name, count(*) AS n, sum(i.priority) AS urgency FROM issue i JOIN project p ON p.id = i.project "
        "WHERE i.state = 'open' GROUP BY p.name",
    ),
    Query(
        "Q4 exists",
        "SELECT i.id, i.title FROM issue i WHERE i.project = 7 AND EXISTS "
        "(SELECT 1 FROM comment c WHERE c.issue = i.id AND c.author = 3)",
        comments=True,
    ),
    Query(
        "Q5 left join, count, top 20",
        "SELECT i.id, i.title, count(c.id) AS n FROM issue i LEFT JOIN comment c ON c.issue = i.id "
        "WHERE i.project = 7 GROUP BY i.id ORDER BY n DESC LIMIT 20",
        comments=True,
    ),
)


@dataclass(slots=True)
class Tracker:
    """The rows at the beginning, and writes to them: each stream goes on where the one before has ended."""

    issues: int
    _rng: random.Random = field(default_factory=lambda: random.Random(2))
    _next: int = 0
    _added: list[int] = field(default_factory=list)
    _noted: list[int] = field(default_factory=list)

    def fill(self, tx: SyncTransaction) -> None:
        """Make the tables, the rows and the indexes."""
        rng, count = random.Random(1), self.issues
        self._next = count * COMMENTS_EACH
        for statement in SCHEMA.split(";")[:-1]:
            tx.execute(statement)
        tx.executemany("INSERT INTO project VALUES (?, ?)", [(n, f"project {n}") for n in range(PROJECTS)])
        tx.executemany("INSERT INTO user VALUES (?, ?)", [(n, f"user {n}") for n in range(USERS)])
        tx.executemany(
            "INSERT INTO issue VALUES (?, ?, ?, ?, ?, ?)",
            (
                (n, f"issue {n}", rng.choice(_STATES), rng.randrange(URGENT), n % PROJECTS, rng.randrange(USERS))
                for n in range(count)
            ),
        )
        tx.executemany(
            "INSERT INTO comment VALUES (?, ?, ?, ?)",
            ((n, rng.randrange(count), rng.randrange(USERS), f"comment {n}") for n in range(count * COMMENTS_EACH)),
        )
        for statement in INDEXES.split(";")[:-1]:
            tx.execute(statement)

    def writes(self, count: int, *, comments: bool) -> list[Write]:
        """Return the next `count` single-row writes; `comments`: those on hot issues count as relevant, too."""
        return list(islice(self._stream(comments=comments), count))

    def bulk(self, turn: int) -> Write:
        """Return one update of `BULK_ROWS` issues."""
        first = (turn * BULK_ROWS) % max(1, self.issues - BULK_ROWS + 1)
        return "UPDATE issue SET priority = priority + 1 WHERE id BETWEEN ? AND ?", (
            first, first + BULK_ROWS - 1,
        )  # fmt: skip

    def _stream(self, *, comments: bool) -> Iterator[Write]:
        while True:
            relevant = self._rng.random() < 0.5
            on_comment = self._rng.random() < 0.5 if comments or not relevant else False
            yield self._on_comment(hot=relevant) if on_comment else self._on_issue(hot=relevant)

    def _on_issue(self, *, hot: bool) -> Write:
        rng = self._rng
        kind = rng.choice(("insert", "delete", "state", "priority"))
        if kind == "delete" and self._added:
            return "DELETE FROM issue WHERE id = ?", (self._added.pop(rng.randrange(len(self._added))),)
        if kind in ("insert", "delete"):
            self._next += 1
            self._added.append(self._next)
            state = "open" if hot else "done"
            return "INSERT INTO issue VALUES (?, ?, ?, ?, ?, ?)", (
                self._next, f"issue {self._next}", state, URGENT + rng.randrange(1_000), self._project(hot=hot),
                rng.randrange(USERS),
            )  # fmt: skip
        at = rng.randrange(self.issues // PROJECTS) * PROJECTS + self._project(hot=hot)
        if not hot:
            return "UPDATE issue SET title = ? WHERE id = ?", (f"issue {at}, {rng.random():.3f}", at)
        if kind == "state":
            return "UPDATE issue SET state = ? WHERE id = ?", (rng.choice(_STATES), at)
        return "UPDATE issue SET priority = ?, state = 'open' WHERE id = ?", (URGENT + rng.randrange(1_000), at)

    def _on_comment(self, *, hot: bool) -> Write:
        rng = self._rng
        kind = rng.choice(("insert", "delete", "author"))
        if kind != "insert" and self._noted and hot:
            at = rng.randrange(len(self._noted))
            if kind == "delete":
                return "DELETE FROM comment WHERE id = ?", (self._noted.pop(at),)
            return "UPDATE comment SET author = ? WHERE id = ?", (rng.choice((HOT_USER, 4)), self._noted[at])
        if kind == "author":
            at = rng.randrange(self.issues * COMMENTS_EACH)
            return "UPDATE comment SET body = ? WHERE id = ?", (f"{rng.random():.3f}", at)
        self._next += 1
        if hot:
            self._noted.append(self._next)
        issue = rng.randrange(self.issues // PROJECTS) * PROJECTS + self._project(hot=hot)
        return "INSERT INTO comment VALUES (?, ?, ?, ?)", (
            self._next, issue, HOT_USER if hot else rng.randrange(USERS), f"comment {self._next}",
        )  # fmt: skip

    def _project(self, *, hot: bool) -> int:
        if hot:
            return HOT_PROJECT
        other = self._rng.randrange(PROJECTS - 1)
        return other + (other >= HOT_PROJECT)
