"""`include`: rows with the rows that belong to them equal plain queries after every commit, and so do their patches."""

from __future__ import annotations

import asyncio
import copy
import pickle
import random
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from eddyline import (
    Column,
    Database,
    Existing,
    Many,
    Model,
    ModelError,
    Query,
    QueryError,
    Ref,
    Transaction,
    Update,
    View,
    alias,
    call,
    column,
    many,
    ref,
    signal,
)
from eddyline.core.query.nested import LevelReader
from eddyline.signals import apply_patches


class Author(Model):
    name: Column[str]


class Project(Model):
    name: Column[str]
    lead: Ref[Author | None] = ref(default=None, on_delete="set null")


class Issue(Model):
    title: Column[str]
    project: Ref[Project | None] = ref(default=None, on_delete="set null")
    parent: Ref[Issue | None] = ref(default=None, on_delete="set null")
    comments: Many[Comment] = many()
    labels: Many[Label] = many(through="Tagged")


class Comment(Model):
    text: Column[str]
    issue: Ref[Issue] = ref(on_delete="cascade")
    author: Ref[Author | None] = ref(default=None, on_delete="set null")


class Label(Model):
    name: Column[str]


class Tagged(Model):
    issue: Ref[Issue] = ref(on_delete="cascade")
    label: Ref[Label] = ref(on_delete="cascade")


MODELS: list[Any] = [Author, Project, Issue, Comment, Label, Tagged]
part = alias(Issue, "part")

Tables = dict[type[Any], dict[str, Any]]


def plain(row: Any, included: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(row), included


def whole(tables: Tables, issue: Any) -> Any:
    """What QUERY says of one issue, in Python."""
    project = tables[Project].get(issue.project)
    comments = sorted((c for c in tables[Comment].values() if c.issue == issue.id), key=lambda c: c.id)
    labels = sorted(
        (tables[Label][t.label] for t in tables[Tagged].values() if t.issue == issue.id), key=lambda one: one.id
    )
    parts = sorted((i for i in tables[Issue].values() if i.parent == issue.id), key=lambda i: i.id)

    def lead(one: Any) -> Any:
        return None if one is None else plain(one, {"lead": bare(tables[Author].get(one.lead))})

    def author(one: Any) -> Any:
        return plain(one, {"author": bare(tables[Author].get(one.author))})

    ordered = [c for c in comments if c.text >= "b"]
    ordered.sort(key=lambda c: c.text, reverse=True)
    named = list(comments)
    named.sort(key=lambda c: (c.author is not None, getattr(tables[Author].get(c.author), "name", "")))
    return plain(
        issue,
        {
            "project": lead(project),
            "comments": tuple(map(author, comments)),
            "labels": tuple(map(bare, labels)),
            "last": tuple(map(bare, ordered[:2])),
            "parts": tuple(plain(one, {"project": lead(tables[Project].get(one.project))}) for one in parts),
            "named": tuple(map(bare, named)),
            "parent": bare(tables[Issue].get(issue.parent)),
        },
    )


def bare(row: Any) -> Any:
    return None if row is None else tuple(row)


INCLUDES: dict[str, Any] = {
    "last": Comment.where(Comment.text >= "b").order_by(Comment.text.desc()).limit(2),
    "parts": part.where().on(part.parent == Issue.id).include("project.lead"),
    "named": Comment.order_by(Comment.author.to.name),
}
QUERY = Issue.order_by(Issue.title).include("project.lead", "comments.author", "labels", "parent", **INCLUDES)


def shown(value: Any) -> Any:
    """Rows as `plain` writes them."""
    if value is None or not isinstance(value, tuple):
        return value
    if isinstance(value, Model):
        if value._included is None:
            return tuple(value)
        return plain(
            value, {name: shown(one) for name, one in zip(value.included.columns, value.included, strict=True)}
        )
    return tuple(map(shown, value))


class Mirror:
    """The rows that a subscriber makes of patches, those inside rows applied inside."""

    def __init__(self) -> None:
        self.rows: list[Any] = []
        self.keys: list[Any] = []

    def __call__(self, patches: Any) -> None:
        for patch in patches:
            if isinstance(patch, Update) and patch.inside is not None:
                held = self.rows[patch.index]
                self.rows[patch.index] = inner(held, patch)
            else:
                apply_patches([patch], self.rows, self.keys)


def inner(held: Any, patch: Update) -> Any:
    """The row after the patches inside it."""
    assert patch.inside is not None
    now = held.included.as_dict()
    for name, patches in patch.inside.items():
        many_rows = type(now[name]) is tuple
        mirror = Mirror()
        mirror.rows = list(now[name]) if many_rows else [] if now[name] is None else [now[name]]
        mirror.keys = [None] * len(mirror.rows)
        mirror(patches)
        now[name] = tuple(mirror.rows) if many_rows else next(iter(mirror.rows), None)
    return patch.row._including(type(held.included)(now.values()))


async def tables(db: Database) -> Tables:
    return {model: {row.id: row for row in await db.fetch(model)} for model in MODELS}


async def change(tx: Transaction, rng: random.Random) -> None:
    held = {model: await tx.fetch(model) for model in MODELS}

    def one(model: type[Any]) -> Any:
        return rng.choice([None, *held[model]])

    match rng.randrange(9):
        case 0:
            await tx.add(Issue(title=rng.choice("abc"), project=one(Project), parent=one(Issue)))
        case 1 | 2 if held[Issue]:
            await tx.add(Comment(text=rng.choice("abc"), issue=rng.choice(held[Issue]), author=one(Author)))
        case 3 if held[Issue] and held[Label]:
            await tx.add(Tagged(issue=rng.choice(held[Issue]), label=rng.choice(held[Label])))
        case 4:
            await tx.execute(f"UPDATE author SET name = '{rng.choice('xyz')}' WHERE rowid = ?", rng.randrange(1, 5))
            await tx.execute("UPDATE project SET lead = (SELECT id FROM author ORDER BY random() LIMIT 1)")
        case 5 if held[Issue]:
            await tx.update(rng.choice(held[Issue]), project=one(Project), parent=one(Issue), title=rng.choice("abc"))
        case 6 if held[Comment]:
            await tx.update(rng.choice(held[Comment]), issue=rng.choice(held[Issue]), text=rng.choice("abc"))
        case 7:
            model = rng.choice([Author, Project, Label, Tagged, Comment])
            if found := one(model):
                await tx.delete(found)
        case _:
            await tx.add(rng.choice([Author(name="x"), Project(name="p"), Label(name="l")]))
            if (found := one(Issue)) and rng.random() < 0.4:
                await tx.delete(found)


@pytest.mark.parametrize("seed", range(5))
async def test_nested_rows_and_their_patches_equal_plain_queries_after_every_commit(seed: int) -> None:
    rng = random.Random(seed)
    async with Database.open(":memory:", models=MODELS) as db:
        async with db.transaction() as tx:
            for _ in range(25):
                await change(tx, rng)
        views: dict[str, tuple[View[Any], Any]] = {
            "all": (await db.live(QUERY), lambda rows: rows),
            "limit": (await db.live(QUERY.limit(3)), lambda rows: rows[:3]),
            "window": (await db.live_window(QUERY), lambda rows: rows[2:6]),
            "re-run": (await db.live(QUERY.where(call("random") != 0)), None),
        }
        await views["window"][0].window(2, 4)
        mirrors = {}
        for name, (view, _) in views.items():
            mirrors[name] = Mirror()
            view.subscribe(mirrors[name])
        for step in range(40):
            async with db.transaction() as tx:
                for _ in range(rng.choice([1, 1, 2, 5])):
                    await change(tx, rng)
                if rng.random() < 0.1:
                    await tx.rollback()
            await db.settled()
            held = await tables(db)
            sql_order = [row[0] for row in await db.fetch("SELECT id FROM issue ORDER BY title, rowid")]
            expected = [whole(held, held[Issue][key]) for key in sql_order]
            for name, (view, cut) in views.items():
                now = [shown(row) for row in view.rows()]
                if cut is None:
                    assert sorted(now, key=repr) == sorted(expected, key=repr), (step, name)
                else:
                    assert now == cut(expected), (step, name)
                assert [shown(row) for row in mirrors[name].rows] == now, (step, name)
                assert view.explain().data["repairs"] == 0


async def started(db: Database) -> tuple[list[Any], list[Any], list[Any]]:
    async with db.transaction() as tx:
        authors = await tx.add_all([Author(name=name) for name in ("Ada", "Bob")])
        projects = await tx.add_all([Project(name=name, lead=authors[0]) for name in ("Core", "Web")])
        issues = await tx.add_all([Issue(title=f"i{n}", project=projects[n % 2]) for n in range(4)])
        for n in range(8):
            await tx.add(Comment(text=f"c{n}", issue=issues[n % 4], author=authors[n % 2]))
    return authors, projects, issues


async def test_a_first_fill_runs_one_statement_a_level(monkeypatch: pytest.MonkeyPatch) -> None:
    reads: list[str] = []
    read = LevelReader.read

    def counted(self: LevelReader, *args: Any) -> Any:
        reads.append(self.level.name)
        return read(self, *args)

    monkeypatch.setattr(LevelReader, "read", counted)
    async with Database.open(":memory:", models=MODELS) as db:
        await started(db)
        await db.live(Issue.include("project.lead", "comments.author"))
        assert sorted(reads) == ["author", "comments", "lead", "project"]


async def test_a_nested_patch_is_an_update_of_the_parent_with_patches_inside() -> None:
    async with Database.open(":memory:", models=MODELS) as db:
        _, _, issues = await started(db)
        view = await db.live(Issue.order_by(Issue.title).include("comments"))
        seen: list[Any] = []
        view.subscribe(seen.append)
        async with db.transaction() as tx:
            added = await tx.add(Comment(text="new", issue=issues[1]))
        [[patch]] = seen[1:]
        assert (patch.index, patch.columns, patch.key) == (1, ("comments",), view.keys()[1])
        assert [tuple(one) for one in patch.inside["comments"]] == [(2, added, added.id)]
        assert patch.row is view.rows()[1]
        assert [comment.text for comment in patch.row.included.comments] == ["c1", "c5", "new"]


async def test_a_change_of_what_no_row_includes_reads_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    async with Database.open(":memory:", models=MODELS) as db:
        _, _, issues = await started(db)
        view = await db.live(Issue.where(Issue.title == "i0").include("comments"))
        reads: list[Any] = []
        read = LevelReader.read

        def noted(self: LevelReader, conn: Any, values: Any, params: Any) -> Any:
            reads.extend(values)
            return read(self, conn, values, params)

        monkeypatch.setattr(LevelReader, "read", noted)
        async with db.transaction() as tx:
            await tx.add(Comment(text="elsewhere", issue=issues[2]))
        assert reads == []
        async with db.transaction() as tx:
            await tx.add(Comment(text="here", issue=issues[0]))
        assert reads == [issues[0].id]
        assert [comment.text for comment in view.rows()[0].included.comments] == ["c0", "c4", "here"]


async def test_a_change_of_other_rows_steps_no_view_that_includes_other_tables() -> None:
    async with Database.open(":memory:", models=MODELS) as db:
        _, _, issues = await started(db)
        queries = [Issue.where(Issue.title == f"i{n}") for n in range(4)]
        views = [await db.live(query.include("comments")) for query in queries * 5]
        parents = [await db.live(query.include("parent")) for query in queries]
        async with db.transaction() as tx:
            await tx.update(issues[2], parent=issues[1])
        assert [view.explain().data["steps"] for view in views[:4]] == [0, 0, 1, 0]
        assert parents[2].rows()[0].included.parent.title == "i1"
        async with db.transaction() as tx:
            await tx.update(issues[1], title="new")
        assert [len(view.rows()) for view in views[:4]] == [1, 0, 1, 1]
        assert parents[2].rows()[0].included.parent.title == "new"


async def test_a_limit_holds_for_each_parent_and_may_be_a_signal() -> None:
    most = signal(1)
    async with Database.open(":memory:", models=MODELS) as db:
        await started(db)
        query = Issue.order_by(Issue.title).include(comments=Comment.order_by(Comment.text.desc()).limit(most))
        view = await db.live(query)
        mirror = Mirror()
        view.subscribe(mirror)

        def texts() -> list[list[str]]:
            assert list(map(shown, mirror.rows)) == list(map(shown, view.rows()))
            return [[comment.text for comment in row.included.comments] for row in view.rows()]

        assert texts() == [["c4"], ["c5"], ["c6"], ["c7"]]
        await db.execute("DELETE FROM comment WHERE text = 'c6'")
        assert texts() == [["c4"], ["c5"], ["c2"], ["c7"]]
        most.set(-1)
        await db.settled()
        assert texts() == [["c4", "c0"], ["c5", "c1"], ["c2"], ["c7", "c3"]]
        assert [row.included.comments for row in await db.fetch(query)] == [
            row.included.comments for row in view.rows()
        ]


async def test_equal_queries_share_what_they_include_and_others_do_not() -> None:
    async with Database.open(":memory:", models=MODELS) as db:
        await started(db)
        one, same, other, none = [
            await db.live(query)
            for query in (
                Issue.include("project.lead"),
                Issue.include("project.lead"),
                Issue.include("project"),
                Issue.where(),
            )
        ]
        assert one._shared is same._shared
        assert len({id(view._shared) for view in (one, other, none)}) == 3
        assert one._shared.program.template is none._shared.program.template


async def test_a_row_that_was_read_without_include_says_so_and_one_with_it_travels() -> None:
    async with Database.open(":memory:", models=MODELS) as db:
        await started(db)
        [row, *_] = await db.fetch(Issue.order_by(Issue.title))
        with pytest.raises(QueryError, match=r"this row of Issue was read without include"):
            _ = row.included
        [full, *_] = await db.fetch(Issue.order_by(Issue.title).include("project"))
        assert full != row
        assert pickle.loads(pickle.dumps(full)) == full == copy.copy(full)
        async with db.transaction() as tx:
            assert (await tx.update(full, title="new")).title == "new"
            assert next(iter(await tx.fetch(Issue.include("project")))).included.project.name == "Core"


class Genre(Existing, table="genre"):
    name: Column[str] = column(primary_key=True)


class Track(Existing, table="track"):
    id: Column[int] = column(primary_key=True, default=None)
    genre: Column[str]


async def test_rows_that_hang_together_by_a_collation_of_the_table_are_followed(tmp_path: Path) -> None:
    path = tmp_path / "t.db"
    with sqlite3.connect(path) as conn:
        conn.execute("CREATE TABLE genre (name TEXT COLLATE NOCASE PRIMARY KEY)")
        conn.execute("CREATE TABLE track (id INTEGER PRIMARY KEY, genre TEXT COLLATE NOCASE)")
        conn.execute("INSERT INTO genre VALUES ('Rock'), ('Pop')")
        conn.execute("INSERT INTO track VALUES (1, 'rock'), (2, 'POP')")
    conn.close()
    async with Database.open(path, models=[Genre, Track], poll_s=0) as db:
        tracks: Query[Track] = Track.where().on(Track.genre == Genre.name)
        view = await db.live(Genre.order_by(Genre.name.desc()).include(tracks=tracks))
        await db.execute("INSERT INTO track VALUES (3, 'ROCK')")
        assert [[track.id for track in row.included.tracks] for row in view.rows()] == [[1, 3], [2]]
        await db.execute("UPDATE track SET genre = 'pop' WHERE id = 1")
        assert [[track.id for track in row.included.tracks] for row in view.rows()] == [[3], [1, 2]]
        other = sqlite3.connect(path)
        other.execute("DELETE FROM track WHERE id = 2")
        other.commit()
        other.close()
        await db.settled()
        assert [[track.id for track in row.included.tracks] for row in view.rows()] == [[3], [1]]
        await db.execute("ALTER TABLE track RENAME TO gone")
        assert view.status == "failed"
        assert "track" in str(view.error)
        await db.execute("ALTER TABLE gone RENAME TO track")
        assert (view.status, len(view.rows()[0].included.tracks)) == ("live", 1)


async def test_a_view_opened_beside_an_open_block_includes_what_it_commits(tmp_path: Path) -> None:
    async with Database.open(tmp_path / "t.db", models=MODELS) as db:
        _, _, issues = await started(db)
        begun, filled = asyncio.Event(), asyncio.Event()

        async def writer() -> None:
            async with db.transaction() as tx:
                await tx.add(Comment(text="late", issue=issues[0]))
                begun.set()
                await filled.wait()

        task = asyncio.create_task(writer())
        await begun.wait()
        view = await db.live(Issue.order_by(Issue.title).include("comments"))
        assert len(view.rows()[0].included.comments) == 2
        filled.set()
        await task
        await db.settled()
        assert [comment.text for comment in view.rows()[0].included.comments] == ["c0", "c4", "late"]


@pytest.mark.parametrize(
    ("query", "error", "said"),
    [
        (
            lambda: Issue.include("watchers"),
            ModelError,
            "has no relation 'watchers'; it has: project, parent, comments",
        ),
        (lambda: Issue.include("title"), ModelError, "has no relation 'title'"),
        (lambda: Issue.include("comments.issue.nothing"), ModelError, "Issue has no relation 'nothing'"),
        (lambda: Issue.include(comments=Label.where()), QueryError, "takes a query of Comment, not Label"),
        (lambda: Issue.include(x=Author.where()), QueryError, "0 references of Author lead to Issue; say what"),
        (lambda: Issue.include(comments=Comment.select(Comment.text)), QueryError, "takes whole rows"),
        (lambda: Issue.include(comments=Comment.where().offset(2)), QueryError, "takes whole rows"),
        (lambda: Issue.select(Issue.title).include("project"), QueryError, "goes with whole rows"),
        (lambda: Issue.include(x=Issue.where().on(Issue.id == Issue.parent)), QueryError, "an alias"),
        (lambda: Issue.include(x=Author.where().on(Author.name == "x")), QueryError, r"takes Author\.x == Issue\.y"),
        (lambda: Issue.where().on(Issue.id == Comment.issue), QueryError, "goes into include"),
        (lambda: Issue.include(last=Comment.where()).include(last=Comment.where()), QueryError, "says twice"),
    ],
)
async def test_what_cannot_be_included_is_told(query: Any, error: type[Exception], said: str) -> None:
    async with Database.open(":memory:", models=MODELS) as db:
        with pytest.raises(error, match=said):
            await db.live(query())


@pytest.mark.parametrize("name", ["a b", "", "x..y", 5])
def test_include_takes_names(name: Any) -> None:
    with pytest.raises(QueryError, match="include takes names"):
        Issue.include(name)


async def test_the_statement_of_a_level_looks_its_rows_up_by_an_index() -> None:
    async with Database.open(":memory:", models=MODELS) as db:
        await started(db)
        view = await db.live(Issue.include("comments", "labels"))
        data = view.explain().data["delta_sql"]
        for table in ("comment", "tagged"):
            sql = data[f"main.{table}" if f"main.{table}" in data else table][-1]
            lines = [str(row[3]) for row in await db.fetch(f"EXPLAIN QUERY PLAN {sql}", _eddy_wanted0=1)]
            assert any("SEARCH" in line and table in line for line in lines), (sql, lines)
