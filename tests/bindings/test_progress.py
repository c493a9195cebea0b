"""`progress`: what a bar shows of an import, of rows that are added and of a signal; in a terminal, in a notebook."""

from __future__ import annotations

from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from eddyline import Column, Database, Model, Signal
from eddyline.bindings.notebook.progress_widget import ProgressWidget
from eddyline.bindings.progress import Bar, progress


class Person(Model):
    name: Column[str]


class Drawn:
    """What a bar was told to show."""

    def __init__(self) -> None:
        self.parts: list[float | None] = []
        self.texts: list[str] = []
        self.failed: bool | None = None

    def draw(self, part: float | None, text: str) -> None:
        self.parts.append(part)
        self.texts.append(text)

    def end(self, *, failed: bool) -> None:
        self.failed = failed


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


async def test_import_tells_the_bar_its_rows_and_ends_full(tmp_path: Path) -> None:
    (tmp_path / "person.csv").write_text("name\n" + "Ada\n" * 5000, encoding="utf-8")
    drawn = Drawn()
    async with Database.open(":memory:") as db:
        with Bar(drawn) as bar:
            await db.import_file(tmp_path / "person.csv", progress=bar)
            await db.settled()
    assert drawn.texts[-1].startswith("5,000 ")
    assert (drawn.parts[-1], drawn.failed) == (1.0, False)


async def test_rows_that_are_added_tell_how_many_are_done() -> None:
    drawn = Drawn()
    async with Database.open(":memory:", models=[Person]) as db:
        with Bar(drawn) as bar:
            await db.add_all([Person(name=str(n)) for n in range(3000)], progress=bar)
    assert (drawn.texts[-1], drawn.parts[-1]) == ("3,000 of 3,000 rows", 1.0)


def test_bar_follows_a_signal_until_the_end_of_its_block() -> None:
    drawn, done = Drawn(), Signal[float | None](0.25)
    with Bar(drawn) as bar:
        bar.follow(done)
        done.set(0.5)
        done.set(None)
    done.set(0.1)
    assert drawn.parts == [0.25, 0.5, 1.0]


def test_error_leaves_the_bar_where_it_was_and_says_so() -> None:
    drawn = Drawn()
    with pytest.raises(OSError, match="gone"), Bar(drawn) as bar:
        bar(30, 100)
        raise OSError("gone")
    assert (drawn.parts, drawn.failed) == ([0.3], True)


def test_terminal_has_a_bar_and_markup_in_a_label_is_text() -> None:
    out = Terminal()
    with progress("[red]people[/red]", out=out) as bar:
        bar(50, 100)
    assert "[red]people[/red]" in out.getvalue()
    assert "50 of 100 rows" in out.getvalue()


def test_nothing_is_shown_where_there_is_no_terminal() -> None:
    out = StringIO()
    with progress("people", out=out) as bar:
        bar(50, 100)
    assert (out.getvalue(), bar.part) == ("", 0.5)


def test_widget_says_unknown_done_and_failed() -> None:
    widget: Any = ProgressWidget(label="people.csv")
    widget.draw(None, "1,000 rows")
    assert (widget.part, widget.text, widget.state) == (-1.0, "1,000 rows", "going")
    widget.end(failed=False)
    assert (widget.part, widget.state) == (1.0, "done")
    widget.close()
