"""Statements of SQLAlchemy as queries: the real library, what goes in, what comes out, what is refused."""

from __future__ import annotations

import datetime as dt
import enum
from collections.abc import AsyncIterator, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlalchemy import (
    Date,
    ForeignKey,
    Numeric,
    TypeDecorator,
    bindparam,
    column,
    create_engine,
    func,
    insert,
    literal,
    literal_column,
    select,
    text,
    union,
    update,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, joinedload, mapped_column, relationship
from sqlalchemy.types import Integer

from eddyline import Database, ParameterError, QueryError, Row, Signal, UnreadableError, View, signal


class State(enum.Enum):
    OPEN = "o"
    DONE = "d"


class Cents(TypeDecorator[Decimal]):
    """Money as a user's own type keeps it."""

    impl = Integer
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        return None if value is None else int(value * 100)

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        return None if value is None else Decimal(value) / 100


class Base(DeclarativeBase):
    pass


class Project(Base):
    __tablename__ = "project"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]


class Issue(Base):
    __tablename__ = "issue"
    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column("the title")
    state: Mapped[State]
    due: Mapped[dt.date | None]
    paid: Mapped[Decimal | None] = mapped_column(Cents)
    project_id: Mapped[int | None] = mapped_column(ForeignKey("project.id"))
    project: Mapped[Project | None] = relationship()


MAY = dt.date(2026, 5, 1)


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[Database]:
    path = tmp_path / "orm.db"
    engine = create_engine(f"sqlite:///{path}")
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        core = Project(id=1, name="Core")
        session.add_all(
            [
                Issue(id=1, title="one", state=State.OPEN, due=MAY, paid=Decimal("1.25"), project=core),
                Issue(id=2, title="two", state=State.DONE, due=None, paid=None, project=core),
                Issue(id=3, title="three", state=State.OPEN, due=dt.date(2026, 6, 1), paid=None, project=None),
            ]
        )
        session.commit()
    engine.dispose()
    async with Database.open(path) as opened:
        yield opened


async def test_select_of_columns_is_live(db: Database) -> None:
    view: View[Row] = await db.live(select(Issue.id, Issue.title).where(Issue.id > 1).order_by(Issue.id))
    assert view.rows() == ((2, "two"), (3, "three"))
    await db.execute("UPDATE issue SET [the title] = 'zwei' WHERE id = 2")
    assert [row["the title"] for row in view.rows()] == ["zwei", "three"]
    assert view.explain().data["rule"] == "delta"


async def test_select_of_a_mapped_class_gives_rows_with_the_values_of_its_types(db: Database) -> None:
    (row,) = await db.fetch(select(Issue).where(Issue.id == 1))
    assert row.as_dict() == {
        "id": 1,
        "the title": "one",
        "state": State.OPEN,
        "due": MAY,
        "paid": Decimal("1.25"),
        "project_id": 1,
    }
    assert isinstance(row, Row)


async def test_core_select_of_a_table_is_the_same(db: Database) -> None:
    table = Issue.__table__
    assert await db.fetch(select(table.c.id, table.c.due).where(table.c.due == MAY)) == [(1, MAY)]


async def test_lists_are_written_out(db: Database) -> None:
    view = await db.live(select(Issue.id).where(Issue.due.in_([MAY, dt.date(2026, 6, 1)])).order_by(Issue.id))
    assert view.rows() == ((1,), (3,))
    assert view.params == ("2026-05-01", "2026-06-01")
    assert await db.fetch(select(Issue.id).where(Issue.id.in_([]))) == []
    wanted = select(Issue.id).where(Issue.state.in_(bindparam("states", expanding=True)))
    assert await db.fetch(wanted, states=[State.DONE]) == [(2,)]


async def test_literals_limits_joins_and_groups_are_followed(db: Database) -> None:
    per = await db.live(
        select(Project.name, func.count().label("n"), func.sum(Issue.paid).label("paid"))
        .join(Issue, Issue.project_id == Project.id)
        .where(literal(True), literal_column("1") == 1)
        .group_by(Project.id)
        .order_by(func.count().desc())
        .limit(5)
    )
    assert per.rows() == (("Core", 2, Decimal("1.25")),)
    await db.execute("UPDATE issue SET project_id = 1, paid = 75 WHERE id = 3")
    assert per.rows() == (("Core", 3, Decimal(2)),)


async def test_union_takes_the_types_of_its_first_part(db: Database) -> None:
    both = union(select(Issue.due).where(Issue.id == 1), select(Issue.due).where(Issue.id == 3)).order_by("due")
    assert await db.fetch(both) == [(MAY,), (dt.date(2026, 6, 1),)]


async def test_joined_loading_adds_its_columns(db: Database) -> None:
    (row,) = await db.fetch(select(Issue).options(joinedload(Issue.project)).where(Issue.id == 1))
    assert (row["id"], row["due"], row["id_1"], row["name"]) == (1, MAY, 1, "Core")


async def test_parameter_by_name_goes_through_its_type(db: Database) -> None:
    stmt = select(Issue.id).where(Issue.due == bindparam("day"))
    assert await db.fetch(stmt, day=MAY) == [(1,)]
    assert await db.fetch(stmt, day=None) == []
    odd = select(Issue.id).where(Issue.state == bindparam("which state"))
    assert await db.fetch(odd, **{"which state": State.DONE}) == [(2,)]


async def test_signal_as_parameter_is_followed_through_its_type(db: Database) -> None:
    state = signal(State.DONE)
    view = await db.live(select(Issue.id).where(Issue.state == bindparam("state")).order_by(Issue.id), state=state)
    assert (view.rows(), view.params) == (((2,),), ("DONE",))
    state.set(State.OPEN)
    await db.settled()
    assert (view.rows(), view.params) == (((1,), (3,)), ("OPEN",))
    assert await db.fetch(select(Issue.id).where(Issue.state == bindparam("state")), state=signal(State.DONE)) == [(2,)]


async def test_signal_in_the_statement_is_followed(db: Database) -> None:
    day = signal(MAY)
    view = await db.live(select(Issue.id).where(Issue.due == day))
    day.set(dt.date(2026, 6, 1))
    await db.settled()
    assert view.rows() == ((3,),)


async def test_signal_whose_value_its_type_refuses_fails_the_view_until_it_is_right_again(db: Database) -> None:
    day: Signal[Any] = signal(MAY)
    view = await db.live(select(Issue.id).where(Issue.due == day))
    day.set("1 May")
    await db.settled()
    assert (view.status, view.rows()) == ("failed", ((1,),))
    assert "which its type refuses" in str(view.error)
    day.set(MAY)
    await db.settled()
    assert (view.status, view.error) == ("live", None)


async def test_equal_statements_share_their_rows(db: Database) -> None:
    one, other = [await db.live(select(Issue).where(Issue.due == MAY)) for _ in range(2)]
    assert one.rows()[0] is other.rows()[0]


async def test_live_many_takes_statements(db: Database) -> None:
    views = await db.live_many(select(Issue.id).where(Issue.id == 1), "SELECT 2")
    assert [view.rows() for view in views] == [((1,),), ((2,),)]


async def test_text_and_what_reads_from_it_give_plain_values(db: Database) -> None:
    assert await db.fetch(text("SELECT due FROM issue WHERE id = :id"), id=1) == [("2026-05-01",)]
    typed = text("SELECT due FROM issue WHERE id = 1").columns(column("due", Date))
    assert await db.fetch(typed) == [("2026-05-01",)]
    assert await db.fetch(select(Issue).from_statement(text("SELECT id FROM issue WHERE id = 3"))) == [(3,)]


async def test_older_query_of_a_session_is_a_statement(db: Database) -> None:
    with Session() as session:
        older: Any = session.query(Issue.id).filter(Issue.due == MAY)
        assert await db.fetch(older) == [(1,)]


async def test_value_that_a_type_cannot_read_is_ours_and_names_the_column(db: Database) -> None:
    await db.execute("UPDATE issue SET due = 'soon' WHERE id = 1")
    with pytest.raises(UnreadableError, match="due holds 'soon', which its type can't read") as found:
        await db.fetch(select(Issue.due))
    assert found.value.column == "due"
    view = await db.live(select(Issue.due))
    assert view.status == "failed"


async def test_what_is_no_query_is_told(db: Database) -> None:
    compiled = select(Issue).compile(dialect=postgresql.dialect())  # type: ignore[no-untyped-call]  # it says no types
    with Session() as session:
        cases: list[tuple[Any, str]] = [
            (insert(Issue), "Insert writes"),
            (update(Issue), "Update writes"),
            (session, "Session of SQLAlchemy is no statement; give the statement itself"),
            (AsyncSession(), "AsyncSession of SQLAlchemy is no statement"),
            (Project.id, "InstrumentedAttribute of SQLAlchemy is no statement"),
            (Issue.__table__, "Table of SQLAlchemy is no statement"),
            (Issue, "DeclarativeAttributeIntercept of SQLAlchemy is no statement"),
            (compiled, "compiled for postgresql already"),
            (text(" "), "the text holds no statement"),
        ]
        for given, message in cases:
            for ask in (db.live, db.fetch):
                with pytest.raises(QueryError, match=message):
                    await ask(given)


async def test_statement_of_another_dialect_is_told(db: Database) -> None:
    stmt = select(Issue.id).where(Issue.id.op("@>")(postgresql.array([1])))
    with pytest.raises(QueryError, match=r"SQLAlchemy can't write this statement for SQLite: .* can't render element"):
        await db.live(stmt)
    with pytest.raises(QueryError, match="no such function: to_tsvector"):
        await db.live(select(func.to_tsvector(Issue.title)))


async def test_parameters_that_do_not_fit_are_told(db: Database) -> None:
    stmt = select(Issue.id).where(Issue.due == bindparam("day"), Issue.id > 1)
    for ask in (db.live, db.fetch):
        with pytest.raises(ParameterError, match="takes a parameter :day that was not given"):
            await ask(stmt)
        with pytest.raises(ParameterError, match="takes no parameter :dya; it takes :day"):
            await ask(stmt, dya=MAY)
        with pytest.raises(ParameterError, match="parameter :day is 'May', which its type refuses"):
            await ask(stmt, day="May")
        with pytest.raises(ParameterError, match="no parameters by position"):
            await ask(stmt, MAY)  # type: ignore[call-overload]  # the claim
        with pytest.raises(ParameterError, match="is a list, and its length is part of the text"):
            await ask(select(Issue.id).where(Issue.id.in_(bindparam("ids", expanding=True))), ids=signal([1]))


async def test_numbers_of_a_scale_come_out_as_the_library_gives_them(db: Database) -> None:
    assert await db.fetch(select(literal(Decimal("1.50"), Numeric(10, 2)))) == [(Decimal("1.50"),)]


VALUES: dict[str, tuple[Any, Any]] = {
    "b": (sa.Boolean, True), "d": (sa.Date, MAY), "t": (sa.Time, dt.time(1, 2, 3, 4)),
    "ts": (sa.DateTime, dt.datetime(2026, 5, 1, 1, 2, 3, 4)),  # noqa: DTZ001  # as SQLite's dialect has it
    "iv": (sa.Interval, dt.timedelta(days=1, seconds=3)), "n": (sa.Numeric(10, 2), Decimal("1.25")),
    "f": (sa.Float, 1.5), "fn": (sa.Float(asdecimal=True), Decimal("2.5")), "e": (sa.Enum(State), State.DONE),
    "u": (sa.Uuid, UUID(int=5)), "us": (sa.Uuid(as_uuid=False), str(UUID(int=5))), "bl": (sa.LargeBinary, b"\0\1"),
    "s": (sa.String, "x"), "i": (sa.BigInteger, 2**62), "j": (sa.JSON, {"a": [1, None]}), "p": (sa.PickleType, {1, 2}),
}  # fmt: skip
NO_COMPARISON = {"j", "p"}
KINDS = sa.Table("kinds", sa.MetaData(), *[sa.Column(name, kind) for name, (kind, _) in VALUES.items()])


def statements() -> Iterator[sa.Select[Any] | sa.CompoundSelect[Any]]:
    """Yield statements over the table of every type, and of most forms."""
    c = KINDS.c
    yield select(KINDS)
    for name in sorted(VALUES.keys() - NO_COMPARISON):
        value = VALUES[name][1]
        yield select(c.i).where(c[name] == value)
        yield select(c[name], sa.literal(value, c[name].type)).where(c[name].in_([value]))
        yield select(func.max(c[name]))
    yield select(c.j["a"][0].as_integer(), c.j["a"], sa.cast(c.i, sa.String), sa.extract("year", c.d))
    yield select(sa.case((c.b, c.d), else_=sa.null()), c.s.concat("y"), c.i / 3, c.i // 3, c.f % 2, ~c.b)
    yield select(c.i).where(sa.tuple_(c.b, c.s).in_([(True, "x")]), c.b, c.b.is_(True), c.s.ilike("X%"))
    yield select(c.s, literal_column("':x'"), text("'a:b %s ?'")).where(~c.s.contains("%", autoescape=True))
    yield select(c.i, func.row_number().over(order_by=c.i.desc()), select(c.d).limit(1).scalar_subquery())
    yield union(select(c.d).where(c.b), select(c.d).where(~c.b)).order_by(c.d)
    numbers = select(literal(1).label("x")).cte("numbers", recursive=True)
    yield select(numbers.union_all(select(numbers.c.x + 1).where(numbers.c.x < 5)).c.x)


async def test_every_type_and_form_gives_what_the_library_itself_gives(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path / 'kinds.db'}")
    KINDS.metadata.create_all(engine)
    with engine.begin() as conn:
        conn.execute(KINDS.insert(), {name: value for name, (_, value) in VALUES.items()})
        conn.execute(sa.text("INSERT INTO kinds (i) VALUES (NULL)"))
    async with Database.open(tmp_path / "kinds.db") as db:
        with engine.connect() as conn:
            for stmt in statements():
                result = conn.execute(stmt)
                names, expected = tuple(result.keys()), [tuple(row) for row in result]
                view = await db.live(stmt)
                assert (view.columns, view.error) == (names, None)
                assert repr([tuple(row) for row in await db.fetch(stmt)]) == repr(expected)
                assert sorted(repr(tuple(row)) for row in view.rows()) == sorted(map(repr, expected))
    engine.dispose()
