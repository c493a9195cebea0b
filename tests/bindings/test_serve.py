"""`eddyline serve` and what belongs to it: tokens, backups and exports of what is being served."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from eddyline import Column, Database, EntryError, Model, ParameterError
from eddyline.bindings import cli
from eddyline.bindings.serve import models_of
from tests.patience import PATIENCE_S

APP = """
from eddyline import Column, Model
class Note(Model):
    title: Column[str]
MODELS = [Note]
"""
SECRET = "0123456789abcdef0123456789abcdef"


class Note(Model):
    title: Column[str]


def run(*args: str | Path) -> Result:
    return CliRunner().invoke(cli.main, [str(arg) for arg in args])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "served_app.py").write_text(APP)
    (tmp_path / "secret").write_text(SECRET)
    return tmp_path


async def test_server_in_a_process_of_its_own_serves_who_has_a_token_and_ends_when_it_is_told_to(folder: Path) -> None:
    command = ["-m", "eddyline", "serve", "hub", "--models", "served_app:MODELS", "--token-secret-file", "secret"]
    server = await asyncio.create_subprocess_exec(
        sys.executable, *command, "--port", "0", "--unix", "sock", cwd=folder, stdout=asyncio.subprocess.PIPE
    )
    assert server.stdout is not None
    url = (await asyncio.wait_for(server.stdout.readline(), PATIENCE_S)).decode().rpartition(" ")[2].strip()
    socket = (await server.stdout.readline()).decode().rpartition(" ")[2].strip()
    assert (url[:16], socket) == ("ws://127.0.0.1:0"[:15] + url[15], "unix:sock")
    shown = run("token", "ada", "notes=write", "--secret-file", folder / "secret").output.strip()
    async with (
        Database.open(folder / "a.db", models=[Note], log=True) as ada,
        Database.open(folder / "b.db", models=[Note], log=True) as bob,
    ):
        ada.connect(f"{url}/notes", token=shown)
        link = bob.connect(f"unix:{folder}/sock/notes")
        with pytest.raises(EntryError, match="no token"):
            await asyncio.wait_for(link.online(), PATIENCE_S)
        link.token = shown
        await ada.write(lambda tx: tx.add(Note(title="a")))
        await asyncio.wait_for(ada.saved(), PATIENCE_S)
        await asyncio.wait_for(link.settled(), PATIENCE_S)
        assert [note.title for note in await bob.fetch(Note)] == ["a"]
        for verb, name in [("backup", "copy.db"), ("export", "plain.db")]:
            done = await asyncio.to_thread(run, verb, folder / "hub" / "notes.db", folder / name)
            assert done.exit_code == 0, done.output
        server.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(server.wait(), PATIENCE_S) == 0
    async with Database.open(folder / "copy.db", models=[Note], log=True) as copy:
        assert [note.title for note in await copy.fetch(Note)] == ["a"]
        assert await copy.check() == []
    with closing(sqlite3.connect(folder / "plain.db")) as plain:
        assert plain.execute("SELECT title FROM note").fetchall() == [("a",)]
        assert plain.execute("SELECT name FROM sqlite_schema WHERE name LIKE '%eddy%'").fetchall() == []


def test_serving_without_a_rule_for_who_comes_in_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    for more, said in [
        ([], "nobody would be let in"),
        (["--open", "--host", "0.0.0.0"], "this machine alone"),
        (["--token-secret-file", "nope"], "can't be read"),
        (["--token-secret-file", "secret", "--open"], "not both"),
    ]:
        done = run("serve", "hub", "--models", "served_app", "--port", "0", *more)
        assert (done.exit_code, said in done.output) == (1, True), done.output
    assert not (folder / "hub").exists()


def test_models_are_found_by_module_and_by_list(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(folder))
    assert [model.__name__ for model in models_of("served_app:MODELS")] == ["Note"]
    assert [model.__name__ for model in models_of("served_app")] == ["Note"]
    for named, said in [("nowhere:models", "nowhere"), ("served_app:nothing", "no list"), ("json", "no models")]:
        with pytest.raises(ParameterError, match=said):
            models_of(named)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("\n1 / 0\n", "fails in faulty.py, line 2: ZeroDivisionError"),
        ("def (", "fails: SyntaxError"),
        ("import nowhere", "No module named 'nowhere'"),
    ],
)
def test_module_of_models_that_fails_is_told_with_its_place(
    folder: Path, monkeypatch: pytest.MonkeyPatch, source: str, said: str
) -> None:
    (folder / "faulty.py").write_text(source, encoding="utf-8")
    monkeypatch.chdir(folder)
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.delitem(sys.modules, "faulty", raising=False)
    done = run("serve", "hub", "--models", "faulty", "--open")
    assert (done.exit_code, said in done.stderr, "Traceback" in done.stderr) == (1, True, False), done.stderr


def test_token_for_a_right_that_is_none_is_refused(folder: Path) -> None:
    done = run("token", "ada", "notes=admin", "--secret-file", folder / "secret")
    assert (done.exit_code, "is no right" in done.output) == (1, True)
    tables = run("token", "ada", "notes=write:note,item", "--secret-file", folder / "secret")
    assert tables.exit_code == 0


async def test_copy_of_a_database_that_is_written_meanwhile_is_of_one_moment_and_overwrites_nothing(
    tmp_path: Path,
) -> None:
    async with Database.open(tmp_path / "a.db", models=[Note], log=True) as db:
        await db.add_all([Note(title=f"{n}") for n in range(2_000)])

        async def write() -> None:
            for number in range(50):
                await db.write(lambda tx, n=number: [tx.add(Note(title=f"x{n}")), tx.add(Note(title=f"y{n}"))])  # type: ignore[misc]  # the number of now

        writing = asyncio.ensure_future(write())
        await db.backup(tmp_path / "b.db")
        await db.export(tmp_path / "c.db")
        await writing
        for command, there in (("backup", "b.db"), ("export", "c.db"), ("export", "b.db")):
            before = (tmp_path / there).read_bytes()
            done = await asyncio.to_thread(run, command, tmp_path / "a.db", tmp_path / there)
            assert (done.exit_code, "is there already" in done.output) == (1, True)
            assert (tmp_path / there).read_bytes() == before
    for name in ("b.db", "c.db"):
        with closing(sqlite3.connect(tmp_path / name)) as copy:
            assert copy.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            (count,) = copy.execute("SELECT count(*) FROM note").fetchone()
            assert (count % 2, count >= 2_000) == (0, True)
    assert [name for name in os.listdir(tmp_path) if "part" in name or "whole" in name] == []


async def test_copy_of_a_memory_database_is_a_file(tmp_path: Path) -> None:
    async with Database.open(":memory:", models=[Note], log=True) as db:
        await db.write(lambda tx: tx.add(Note(title="a")))
        await db.backup(tmp_path / "a.db")
    async with Database.open(tmp_path / "a.db", models=[Note], log=True) as db:
        assert [note.title for note in await db.fetch(Note)] == ["a"]
