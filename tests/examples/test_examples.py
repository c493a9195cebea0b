"""The examples, each run as its reader would run it."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
import subprocess
import sys
import time
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from textual.widgets import Input, Label

from eddyline import Database
from eddyline.bindings.textual import LiveTable
from eddyline.sync import sign_token

from ..bindings.notebook.tools import home, tools

SECRET = "a secret of more than sixteen letters"
EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def loaded(name: str) -> ModuleType:
    """Return an example as a module."""
    spec = spec_from_file_location(name, EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[name] = module  # where FastAPI looks the types of a handler up
    spec.loader.exec_module(module)
    return module


async def test_terminal_app_adds_searches_and_marks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["tui.py"])
    app = loaded("tui").Todo()
    async with app.run_test(size=(60, 12)) as pilot:
        for title in ("bread", "milk"):
            app.query_one(Input).value = title
            await pilot.press("enter")
            await pilot.pause()
        await app.db.settled()
        await pilot.pause()
        assert app.query_one(LiveTable).row_count == 2
        app.query_one(LiveTable).move_cursor(0)
        await pilot.press("ctrl+t")
        await pilot.pause()
        assert str(app.query_one("#count", Label).content) == "1 to do"
        app.text.set("bre")
        await app.db.settled()
        await pilot.pause()
        assert app.query_one(LiveTable).row_count == 1
        await pilot.press("ctrl+r")
        app.text.set("")
        await app.db.settled()
        assert [row.title for row in await app.db.fetch("SELECT title FROM todo")] == ["milk"]


async def test_terminal_app_leaves_an_empty_list_and_an_empty_box_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["tui.py"])
    app = loaded("tui").Todo()
    async with app.run_test(size=(60, 12)) as pilot:
        await pilot.press("ctrl+t", "ctrl+r", "enter")
        await app.db.settled()
        assert await app.db.fetch("SELECT * FROM todo") == []
        shown = {binding.description for _, binding, enabled, _ in app.screen.active_bindings.values() if enabled}
        assert {"Done or not", "Remove", "Quit"} <= shown  # none is taken by the box


def test_terminal_app_has_forty_lines() -> None:
    lines = (EXAMPLES / "tui.py").read_text(encoding="utf-8").splitlines()
    assert len([line for line in lines if line.strip()]) <= 40


def test_watched_file_is_followed_while_another_program_writes(tmp_path: Path) -> None:
    file = tmp_path / "app.db"
    other = sqlite3.connect(file)
    other.execute("CREATE TABLE issue (id INTEGER PRIMARY KEY, title)")
    other.execute("INSERT INTO issue VALUES (1, 'Slow')")
    other.commit()
    command = [sys.executable, str(EXAMPLES / "watch_file.py"), str(file), "SELECT id, title FROM issue ORDER BY id"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as watching:
        assert watching.stdout is not None
        said = [watching.stdout.readline(), watching.stdout.readline()]
        other.execute("UPDATE issue SET title = 'Slow start'")
        other.commit()
        said.append(watching.stdout.readline())
        watching.terminate()
    other.close()
    assert said == ["1 row\n", "  0  id=1  title='Slow'\n", "~ 0  title: 'Slow' -> 'Slow start'\n"]


def test_watching_what_is_no_query_says_so(tmp_path: Path) -> None:
    sqlite3.connect(tmp_path / "app.db").execute("CREATE TABLE issue (id)").connection.close()
    command = [sys.executable, str(EXAMPLES / "watch_file.py"), str(tmp_path / "app.db"), "SELECT * FROM nowhere"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, "no table 'nowhere'; there are: issue" in done.stderr, "Traceback" in done.stderr) == (
        1,
        True,
        False,
    )


async def ask(app: Any, method: str, path: str, body: bytes, said: asyncio.Queue[Any]) -> None:  # Any: ASGI's
    """Be a web server for one request; what the app sends goes into `said`."""
    given = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Any:
        return given.pop() if given else await asyncio.Event().wait()

    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    scope = {
        "type": "http", "asgi": {"version": "3.0", "spec_version": "2.4"}, "http_version": "1.1", "method": method,
        "path": path, "raw_path": path.encode(), "query_string": b"", "headers": headers, "scheme": "http",
        "server": ("localhost", 80), "client": ("localhost", 1), "root_path": "",
    }  # fmt: skip
    await app(scope, receive, said.put)


@pytest.fixture
def web(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.setenv("TRACKER", str(tmp_path))
    monkeypatch.setenv("SECRET", SECRET)
    return loaded("sse_app")


async def test_page_of_the_web_app_hears_of_each_new_issue(web: ModuleType) -> None:
    async with web.app.router.lifespan_context(web.app):
        events: asyncio.Queue[Any] = asyncio.Queue()
        follower = asyncio.create_task(ask(web.app, "GET", "/events", b"", events))
        begin, first = await events.get(), await events.get()
        answer: asyncio.Queue[Any] = asyncio.Queue()
        await ask(web.app, "POST", "/issues", b'{"title": "Slow start"}', answer)
        second = await events.get()
        follower.cancel()
        await asyncio.gather(follower, return_exceptions=True)
    assert dict(begin["headers"])[b"content-type"].startswith(b"text/event-stream")
    told = [json.loads(event["body"].removeprefix(b"data: ")) for event in (first, second)]
    assert [(patch["kind"], patch.get("rows"), patch.get("row", [None])[-1]) for patch in told] == [
        ("reset", [], None),
        ("insert", None, "Slow start"),
    ]
    assert (await answer.get())["status"] == 201


async def test_page_of_the_web_app_hears_of_what_a_replica_writes(web: ModuleType, tmp_path: Path) -> None:
    token = sign_token(SECRET, "ada", {"tracker": "write"}, expires_s=600, now_s=time.time())
    async with web.app.router.lifespan_context(web.app), Database.open(tmp_path / "ada", models=[web.Issue]) as db:
        events: asyncio.Queue[Any] = asyncio.Queue()
        follower = asyncio.create_task(ask(web.app, "GET", "/events", b"", events))
        await events.get()
        await events.get()
        db.connect(web.server.address("tracker"), token=token)
        await db.write(lambda tx: tx.add(web.Issue(title="Written elsewhere")))
        told = json.loads((await events.get())["body"].removeprefix(b"data: "))
        follower.cancel()
        await asyncio.gather(follower, return_exceptions=True)
    assert (told["kind"], told["row"][-1]) == ("insert", "Written elsewhere")


def test_notebook_runs_from_its_first_cell_to_its_last(tmp_path: Path) -> None:
    """By nbclient, as `jupyter execute` does."""
    environment = {**home(tmp_path), "PATH": f"{tools()}{os.pathsep}{os.environ['PATH']}"}
    command = [str(tools() / "jupyter"), "execute", "--output=out.ipynb", "notebook.ipynb"]
    (tmp_path / "notebook.ipynb").write_bytes((EXAMPLES / "watching_data.ipynb").read_bytes())
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=200, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    cells = json.loads((tmp_path / "out.ipynb").read_text(encoding="utf-8"))["cells"]
    shown = [output["data"] for cell in cells for output in cell.get("outputs", ()) if "data" in output]
    widget = "application/vnd.jupyter.widget-view+json"
    assert sum(widget in data for data in shown) == 5
    assert "shape: (3, 4)" in "".join("".join(data["text/plain"]) for data in shown)
