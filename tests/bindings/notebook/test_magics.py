"""`%eddy`, `%%live` and cells that end what they made, in a real IPython shell on the test's own loop."""

from __future__ import annotations

import sqlite3
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell

from eddyline import ClosedError, Database, ParameterError, View
from eddyline.bindings.notebook.magics import rewrite

Run = Callable[..., Awaitable[Any]]  # Any: what the cell shows


@pytest.fixture
def file(tmp_path: Path) -> Path:
    db = sqlite3.connect(tmp_path / "tracker.db")
    db.execute("CREATE TABLE issue (id INTEGER PRIMARY KEY, title, state)")
    db.execute("INSERT INTO issue VALUES (1, 'Slow', 'open'), (2, 'Typo', 'done')")
    db.commit()
    db.close()
    return tmp_path / "tracker.db"


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:  # Any: IPython is half typed
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    shell: Any = InteractiveShell()  # type: ignore[no-untyped-call]  # as above
    shell.history_manager.enabled = False
    shell.run_line_magic("load_ext", "eddyline")
    yield shell
    shell.run_line_magic("unload_ext", "eddyline")
    shell.history_manager.end_session()


@pytest.fixture
def run(shell: Any) -> Run:
    async def run(code: str, cell: str = "1") -> Any:  # Any: what the cell shows
        done = await shell.run_cell_async(code, transformed_cell=shell.transform_cell(code), cell_id=cell)
        done.raise_error()
        return done.result

    return run


async def test_file_is_opened_and_queried_with_the_notebooks_own_names(run: Run, shell: Any, file: Path) -> None:
    await run(f"%eddy open {file}")
    await run("from eddyline import signal\nwanted = signal('open')")
    view = await run("%%live issues\nSELECT title FROM issue\nWHERE state = :wanted -- not :this\n", "2")
    assert view is shell.user_ns["issues"]
    assert [row.title for row in view.rows()] == ["Slow"]
    await run("wanted.set('done'); await db.settled()", "3")
    assert [row.title for row in view.rows()] == ["Typo"]
    await run("%eddy close db")


async def test_cell_that_is_run_again_ends_what_it_made(run: Run, file: Path) -> None:
    await run(f"%eddy open {file} as t --readonly")
    first = await run("%%live --db t\nSELECT * FROM issue", "2")
    other = await run("%%live --db t\nSELECT count(*) FROM issue", "3")
    second = await run("%%live --db t\nSELECT * FROM issue", "2")
    assert [view.closed for view in (first, other, second)] == [True, False, False]
    await run("%eddy close t")


async def test_name_that_is_opened_again_closes_the_database_before(run: Run, shell: Any, file: Path) -> None:
    await run(f"%eddy open {file}")
    before: Database = shell.user_ns["db"]
    await run(f"if True:\n    %eddy open '{file}'")
    with pytest.raises(ClosedError):
        await before.fetch("SELECT 1")
    assert len(await shell.user_ns["db"].fetch("SELECT 1")) == 1
    await run("%eddy close db")


@pytest.mark.parametrize(
    ("cell", "why"),
    [
        ("%%live\nSELECT 1", r"%%live asks the database 'db', and there is none: %eddy open FILE as db"),
        ("%%live a b\nSELECT 1", r"%%live takes a name and --db NAME, not 'a b'"),
        ("%%live", r"%%live has no query"),
        ("%eddy shut it", r"%eddy doesn't know 'shut it': %eddy open FILE"),
        ("%eddy open 'a", r"%eddy: No closing quotation"),
    ],
)
async def test_magic_without_sense_says_what_it_takes(run: Run, cell: str, why: str) -> None:
    with pytest.raises(ParameterError, match=why):
        await run(cell)


async def test_parameter_that_the_notebook_has_no_name_for_is_named(run: Run, file: Path) -> None:
    await run(f"%eddy open {file}")
    with pytest.raises(ParameterError, match="the query asks for :state, and the notebook has no name 'state'"):
        await run("%%live\nSELECT ':not' FROM issue WHERE state = :state")
    await run("%eddy close db")


def test_other_lines_are_left_as_they_are() -> None:
    lines = ["%time x\n", "y = '%eddy'\n", "%%livelier\n"]
    assert rewrite(lines) == lines


async def test_view_in_a_terminals_shell_is_text(run: Run, file: Path) -> None:
    await run(f"%eddy open {file}")
    view: View[Any] = await run("%%live\nSELECT id, title FROM issue ORDER BY id")
    assert view._repr_mimebundle_()["text/plain"] == "id  title\n--  -----\n 1  Slow\n 2  Typo\n2 rows"
    assert "application/vnd.jupyter.widget-view+json" not in view._repr_mimebundle_()
    await run("%eddy close db")
