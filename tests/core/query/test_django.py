"""QuerySets of Django as queries: the real library, what goes in, what comes out, what is refused."""

from __future__ import annotations

import asyncio
import datetime as dt
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from types import ModuleType
from typing import Any
from uuid import UUID

import django
import pytest
from django.apps import AppConfig
from django.conf import settings
from django.db import connection, connections, models
from django.db.models import Case, Count, F, OuterRef, Q, Subquery, Sum, Value, When, Window
from django.db.models.functions import Lower, RowNumber, TruncMonth

from eddyline import Database, ParameterError, QueryError, Row, UnreadableError, View

DATABASES = {
    "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"},
    "other": {"ENGINE": "django.db.backends.dummy"},
}


class Shop(AppConfig):  # type: ignore[misc]  # Django comes without types
    name = "shop"
    path = "."


settings.configure(DATABASES=DATABASES, USE_TZ=True, INSTALLED_APPS=[Shop("shop", ModuleType("shop"))])
django.setup()


class Project(models.Model):  # type: ignore[misc]  # as above
    name = models.TextField()

    class Meta:
        app_label = "shop"
        db_table = "project"


class Issue(models.Model):  # type: ignore[misc]  # as above
    title = models.TextField(db_column="the title")
    done = models.BooleanField(default=False)
    due = models.DateField(null=True)
    made = models.DateTimeField()
    paid = models.DecimalField(max_digits=8, decimal_places=2, null=True)
    extra = models.JSONField(default=dict)
    project = models.ForeignKey(Project, models.CASCADE, null=True)

    class Meta:
        app_label = "shop"
        db_table = "issue"


class Upper(models.TextField):  # type: ignore[misc]  # as above
    """A user's own field."""

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Any:
        return None if value is None else value.upper()

    def get_prep_value(self, value: Any) -> Any:
        return None if value is None else value.lower()


class Kinds(models.Model):  # type: ignore[misc]  # as above
    bo = models.BooleanField(null=True)
    da = models.DateField(null=True)
    ti = models.TimeField(null=True)
    ts = models.DateTimeField(null=True)
    du = models.DurationField(null=True)
    de = models.DecimalField(max_digits=9, decimal_places=3, null=True)
    fl = models.FloatField(null=True)
    bi = models.BigIntegerField(null=True)
    by = models.BinaryField(null=True)
    uu = models.UUIDField(null=True)
    ip = models.GenericIPAddressField(null=True)
    js = models.JSONField(null=True)
    up = Upper(null=True)

    class Meta:
        app_label = "shop"
        db_table = "kinds"


issues: Any = Issue.objects
kinds: Any = Kinds.objects
projects: Any = Project.objects

MAY = dt.date(2026, 5, 1)
NOON = dt.datetime(2026, 5, 1, 12, tzinfo=dt.UTC)


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[Database]:
    path = tmp_path / "django.db"
    with closing(sqlite3.connect(path)) as conn:
        conn.executescript(
            """
            CREATE TABLE project (id integer PRIMARY KEY AUTOINCREMENT, name text NOT NULL);
            CREATE TABLE issue (
                id integer PRIMARY KEY AUTOINCREMENT, "the title" text NOT NULL, done bool NOT NULL, due date,
                made datetime NOT NULL, paid decimal, extra text NOT NULL, project_id bigint REFERENCES project (id)
            );
            INSERT INTO project VALUES (1, 'Core'), (2, 'Docs');
            INSERT INTO issue VALUES
                (1, 'one', 0, '2026-05-01', '2026-05-01 12:00:00', 1.25, '{"a": [1]}', 1),
                (2, '100% two', 1, NULL, '2026-05-02 12:00:00', NULL, '{}', 1),
                (3, 'three', 0, '2026-06-01', '2026-05-03 12:00:00', 0.75, '{}', NULL);
            """
        )
    async with Database.open(path) as opened:
        yield opened


async def test_queryset_is_live(db: Database) -> None:
    view: View[Row] = await db.live(issues.filter(done=False).order_by("-id").values("id", "title"))
    assert view.rows() == ((3, "three"), (1, "one"))
    await db.execute("UPDATE issue SET done = 0 WHERE id = 2")
    assert [row.title for row in view.rows()] == ["three", "100% two", "one"]
    assert view.explain().data["rule"] == "delta"


async def test_rows_have_the_names_of_attributes_and_the_values_of_fields(db: Database) -> None:
    (row,) = await db.fetch(issues.filter(pk=1))
    assert isinstance(row, Row)
    assert row.as_dict() == {
        "id": 1,
        "title": "one",
        "done": False,
        "due": MAY,
        "made": NOON,
        "paid": Decimal("1.25"),
        "extra": {"a": [1]},
        "project_id": 1,
    }
    assert type(row.done) is bool


async def test_values_across_a_relation_have_their_path_as_name(db: Database) -> None:
    (row,) = await db.fetch(issues.filter(pk=1).values("title", "project__name", low=Lower("title")))
    assert row.as_dict() == {"title": "one", "project__name": "Core", "low": "one"}
    assert await db.fetch(issues.filter(pk=1).values_list("title", flat=True)) == [("one",)]


async def test_select_related_adds_its_columns_under_their_path(db: Database) -> None:
    (row,) = await db.fetch(issues.select_related("project").only("title", "project__name").filter(pk=1))
    assert row.as_dict() == {"id": 1, "title": "one", "project_id": 1, "project__id": 1, "project__name": "Core"}


async def test_dates_lists_and_per_cent_signs_go_in_as_they_should(db: Database) -> None:
    assert await db.fetch(issues.filter(due=MAY).values("id")) == [(1,)]
    assert await db.fetch(issues.filter(made__gt=NOON).order_by("id").values("id")) == [(2,), (3,)]
    assert await db.fetch(issues.filter(due__in=[MAY, dt.date(2026, 6, 1)]).order_by("id").values("id")) == [(1,), (3,)]
    assert await db.fetch(issues.filter(title__startswith="100%").values("id")) == [(2,)]
    assert await db.fetch(issues.filter(paid=Decimal("0.75")).values("id")) == [(3,)]
    assert await db.fetch(issues.filter(id=2).annotate(x=Value("%s")).values("x")) == [("%s",)]
    assert await db.fetch(issues.filter(extra__a__0=1).values("id")) == [(1,)]


async def test_nothing_is_an_empty_view_with_its_columns(db: Database) -> None:
    view = await db.live(issues.none())
    assert (view.rows(), view.columns[:2]) == ((), ("id", "title"))
    assert await db.fetch(issues.filter(id__in=[]).values("id")) == []


async def test_groups_are_followed(db: Database) -> None:
    per = await db.live(
        projects.annotate(n=Count("issue"), paid=Sum("issue__paid", filter=Q(issue__done=False)))
        .order_by("name")
        .values("name", "n", "paid")
    )
    assert per.rows() == (("Core", 2, Decimal("1.25")), ("Docs", 0, None))
    await db.execute("UPDATE issue SET project_id = 2 WHERE id = 3")
    assert per.rows() == (("Core", 2, Decimal("1.25")), ("Docs", 1, Decimal("0.75")))


async def test_expressions_slices_subqueries_windows_and_unions_are_read(db: Database) -> None:
    first = issues.filter(project=OuterRef("pk")).order_by("id").values("title")[:1]
    assert await db.fetch(projects.annotate(first=Subquery(first)).order_by("id").values("first")) == [
        ("one",),
        (None,),
    ]
    kind = Case(When(done=True, then=Value("old")), default=Value("new"))
    assert await db.fetch(issues.order_by("id").annotate(kind=kind).values("kind")[1:2]) == [("old",)]
    number = Window(RowNumber(), order_by=F("id").desc())
    assert await db.fetch(issues.annotate(n=number).filter(n=1).values("id", "n")) == [(3, 1)]
    both = issues.filter(id=1).values("due").union(issues.filter(id=3).values("due")).order_by("due")
    assert await db.fetch(both) == [(MAY,), (dt.date(2026, 6, 1),)]


async def test_equal_querysets_share_their_rows(db: Database) -> None:
    one, other = [await db.live(issues.filter(due=MAY)) for _ in range(2)]
    assert one.rows()[0] is other.rows()[0]


async def test_value_that_a_field_cannot_read_is_ours_and_names_the_column(db: Database) -> None:
    await db.execute("UPDATE issue SET due = 7 WHERE id = 1")
    with pytest.raises(UnreadableError, match="due holds 7, which its type can't read"):
        await db.fetch(issues.filter(pk=1))


async def test_function_that_django_brings_along_can_be_registered(db: Database) -> None:
    from django.db.backends.sqlite3 import _functions as brought

    await db.register("django_date_trunc", brought._sqlite_date_trunc, deterministic=True)
    asked = issues.annotate(m=TruncMonth("due")).values_list("m").distinct()
    view = await db.live(asked)
    assert {row[0] for row in view.rows()} == {
        one.due.replace(day=1) if one.due else None for one in await db.fetch(issues.all())
    }
    assert view.explain().data["rule"] != "re-run"


async def test_what_is_no_queryset_is_told(db: Database) -> None:
    cases: list[tuple[Any, str]] = [
        (issues, r"Manager of Django is no QuerySet; give manager.all\(\)"),
        (Issue(), r"Issue of Django is no QuerySet; give Model.objects.filter\(...\)"),
        (Issue, "ModelBase of Django is no QuerySet"),
        (issues.raw("SELECT 1"), "RawQuerySet of Django is no QuerySet"),
        (projects.prefetch_related("issue_set"), "prefetch_related asks more than one query"),
        (issues.using("other"), "the database 'other', which is unknown"),
        (issues.using("gone"), "Django can't compile this QuerySet: The connection 'gone' doesn't exist"),
        (issues.order_by("id").distinct("title"), "Django can't write this QuerySet for SQLite: DISTINCT ON fields"),
        (issues.annotate(m=TruncMonth("due")).values("m"), r'register it: await db\.register\("django_date_trunc"'),
    ]
    for given, message in cases:
        for ask in (db.live, db.fetch):
            with pytest.raises(QueryError, match=message):
                await ask(given)
    with pytest.raises(ParameterError, match="a QuerySet has its values in it"):
        await db.live(issues.all(), done=True)


VALUES: dict[str, Any] = {
    "bo": True, "da": MAY, "ti": dt.time(1, 2, 3, 4), "ts": NOON, "du": dt.timedelta(days=1, seconds=3),
    "de": Decimal("1.250"), "fl": 1.5, "bi": 2**62, "by": b"\0\1", "uu": UUID(int=5), "ip": "::1",
    "js": {"a": [1, None]}, "up": "ABC",
}  # fmt: skip


def querysets() -> Iterator[Any]:
    """Yield QuerySets over every field, and of most forms."""
    yield kinds.order_by("id").values(*VALUES)
    yield kinds.order_by("id").values_list("id", "js", "up")
    for name, value in VALUES.items():
        yield kinds.filter(**{name: value}).values("id", name)
        yield kinds.filter(**{f"{name}__isnull": True}).values(name)
        yield kinds.filter(**{f"{name}__in": [value]}).annotate(again=F(name)).values("again")
    yield kinds.values("bo").annotate(n=Count("id")).order_by("bo")
    yield kinds.annotate(sum=Sum("de"), top=models.Max("ts")).order_by("id").values("sum", "top")
    yield kinds.order_by("id").annotate(day=models.ExpressionWrapper(F("ts"), models.DateTimeField())).values("day")
    yield kinds.exclude(up="abc").order_by("-id").distinct().values("id")
    yield kinds.filter(Q(da__lt=MAY) | ~Q(bo=True), up__icontains="%").values("id")
    yield kinds.filter(ts__year=2026, fl__range=(1, 2), js__a__0=1).values("id", "js__a")


async def test_every_field_and_form_gives_what_the_library_itself_gives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "kinds.db"

    def write() -> list[list[dict[Any, Any]]]:
        with connection.schema_editor() as editor:
            editor.create_model(Kinds)
        kinds.create(**VALUES)
        kinds.create()
        found = [[row if isinstance(row, dict) else dict(enumerate(row)) for row in one] for one in querysets()]
        connection.close()
        return found

    monkeypatch.setitem(connections.settings["default"], "NAME", str(path))
    async with Database.open(path) as db:
        wanted = await asyncio.to_thread(write)
        for one, expected in zip(querysets(), wanted, strict=True):
            view = await db.live(one)
            found = await db.fetch(one)
            assert view.error is None
            assert [repr(tuple(row)) for row in found] == [repr(tuple(row.values())) for row in expected]
            assert sorted(map(repr, view.rows())) == sorted(map(repr, found))
