"""Magics: SQL in a notebook, after `%load_ext eddyline`.

    %eddy open tracker.db              db = await ...open("tracker.db")       what was open under that name is closed
    %eddy open tracker.db as t --readonly
    %eddy close db

    %%live top --db db                 top = await db.live("SELECT ...", state=state)
    SELECT * FROM issue                top
    WHERE state = :state               `state` is the notebook's own: a value, or a signal, which the table follows

They are rewritten into those lines before the cell runs, so they await on the notebook's own loop: nothing is started
behind anybody's back. Without a name the view is `live`.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from typing import Any

from eddyline import Database, ParameterError, View

__all__ = ["Magics", "rewrite"]

HELP = "%eddy open FILE [as NAME] [--readonly]; %eddy close NAME; %%live [NAME] [--db NAME], SQL below"
HOME = "__eddyline__"  # the Magics, in the notebook's own names
_SPOKEN = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|`[^`]*`|\[[^\]]*\]|--[^\n]*|/\*.*?\*/", re.DOTALL)
_NAMED = re.compile(r"[:@$]([^\W\d]\w*)")


class Magics:
    """What the rewritten lines call. `names` are the notebook's own."""

    def __init__(self, names: Mapping[str, Any]) -> None:
        self._names = names

    async def open(self, name: str, file: str, *, readonly: bool = False) -> Database:
        """Return the database in `file`; what was open under `name` is closed first."""
        await self.close(name)
        return await Database.open(file, readonly=readonly)

    async def close(self, name: str) -> None:
        """Close the database called `name`, if there is one."""
        before = self._names.get(name)
        if isinstance(before, Database):
            await before.close()

    async def live(self, name: str, sql: str) -> View[Any]:
        """Return a live view of `sql` on the database called `name`; its parameters are the notebook's own names.

        Raises `ParameterError` where there is no such database or no such name.
        """
        db = self._names.get(name)
        if not isinstance(db, Database):
            raise ParameterError(f"%%live asks the database {name!r}, and there is none: %eddy open FILE as {name}")
        wanted = dict.fromkeys(_NAMED.findall(_SPOKEN.sub(" ", sql)))
        missing = [one for one in wanted if one not in self._names]
        if missing:
            raise ParameterError(f"the query asks for :{missing[0]}, and the notebook has no name {missing[0]!r}")
        return await db.live(sql, **{one: self._names[one] for one in wanted})


def rewrite(lines: list[str]) -> list[str]:
    """Return the lines of a cell as Python, where it has magics of ours. For IPython's cleanup transforms."""
    first = lines[0] if lines else ""
    if re.match(r"%%live\b", first):
        return _live(first.split()[1:], "".join(lines[1:]))
    return [_eddy(line) if re.match(r"\s*%eddy\b", line) else line for line in lines]


def _live(words: list[str], sql: str) -> list[str]:
    db = "db"
    if "--db" in words:
        at = words.index("--db")
        db, words = "".join(words[at + 1 : at + 2]), words[:at] + words[at + 2 :]
    name = words[0] if words else "live"
    if len(words) > 1 or not name.isidentifier() or not db.isidentifier():
        return [_refuse(f"%%live takes a name and --db NAME, not {' '.join(words)!r}")]
    if not sql.strip():
        return [_refuse("%%live has no query: write it in the lines below")]
    return [f"{name} = await {HOME}.live({db!r}, {sql!r})\n", f"{name}\n"]


def _eddy(line: str) -> str:
    indent = line[: len(line) - len(line.lstrip())]
    try:
        words = shlex.split(line.strip())[1:]
    except ValueError as error:
        return indent + _refuse(f"%eddy: {error}")
    readonly = "--readonly" in words
    match [word for word in words if word != "--readonly"]:
        case ["open", file]:
            name = "db"
        case ["open", file, "as", name] if name.isidentifier():
            pass
        case ["close", name] if name.isidentifier() and not readonly:
            return f"{indent}await {HOME}.close({name!r})\n"
        case _:
            return indent + _refuse(f"%eddy doesn't know {' '.join(words)!r}")
    return f"{indent}{name} = await {HOME}.open({name!r}, {file!r}, readonly={readonly})\n"


def _refuse(why: str) -> str:
    """Return the line that says what is wrong, when the cell runs."""
    return f"raise __import__('eddyline').ParameterError({f'{why}: {HELP}'!r})\n"
