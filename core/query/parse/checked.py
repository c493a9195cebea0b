"""Plans that SQLite has agreed to: what a text is read as counts only if it compiles to the same program.

    text --sqlglot--> tree --resolve names--> Select --render--> text'     EXPLAIN text  ==  EXPLAIN text'

The plan is rendered and both texts are compiled by SQLite; only if the two programs are the same, instruction by
instruction, is the plan what the text means. Otherwise the query is re-run.
Cost: 0.3 s once for the import, then about 1 ms a text. Raises `Unplannable` with the reason, never a wrong plan: also
where sqlglot isn't installed, as in a small web page.
"""

from __future__ import annotations

import sqlite3
from itertools import count
from typing import TYPE_CHECKING

from ...schema.catalog import Catalog
from ...store import Connection
from ..flatten import flatten
from ..in_compounds import without_in_compounds
from ..plan import Compound, Select, Unplannable
from ..render import render, render_compound, render_placed
from ..verdict import explain, same_program
from .compound import read_compound
from .names import Reading
from .select import Reader
from .text import as_numbered, as_tree, described

if TYPE_CHECKING:
    from sqlglot import exp

__all__ = ["parse"]

_TEXT_MAX = 100_000


def parse(sql: str, catalog: Catalog, conn: Connection) -> Select | Compound:
    """Return the plan of the SELECT `sql`, whose positional parameters become :p1, :p2, ..."""
    if len(sql) > _TEXT_MAX:
        raise Unplannable(f"the text is longer than {_TEXT_MAX} characters")
    tree = as_tree(sql, "the text")
    try:
        plan, texts = _read(tree, catalog, reading := Reading())
        same = _is_same(conn, sql, texts, reading)
        if not same and reading.has_using:  # SQLite makes less of ON than of USING where a column can't be NULL
            same = _is_same(conn, sql, _read(tree, catalog, again := Reading(keeps_using=True))[1], again)
    except sqlite3.Error as error:  # a name that means another thing once it is qualified
        raise Unplannable(f"SQLite refuses the plan's text: {error}") from error
    if not same:
        raise Unplannable("SQLite compiles the plan to another program than the text")
    flat = flatten(without_in_compounds(plan))
    if flat != plan:
        try:
            explain(conn, render(flat))
        except sqlite3.Error as error:
            raise Unplannable(f"SQLite refuses the plan's text: {error}") from error
    return flat


def _read(tree: exp.Expr, catalog: Catalog, reading: Reading) -> tuple[Select | Compound, list[str]]:
    """Return the plan of a tree and the texts that say it, of which SQLite is to know one again."""
    from sqlglot import exp

    if isinstance(tree, exp.SetOperation):
        compound = read_compound(tree, lambda: Reader(catalog, count(1), reading))
        return compound, [render_compound(compound)]
    if isinstance(tree, exp.Select):
        reader = Reader(catalog, count(1), reading)
        plan = reader.select(tree)
        return plan, [render(plan), render_placed(plan, reader.places)]
    raise Unplannable(f"{described(tree)} is re-run")


def _is_same(conn: Connection, sql: str, texts: list[str], reading: Reading) -> bool:
    """Say whether SQLite compiles one of `texts`, and what was read of views, to the programs of what was given."""
    return any(same_program(conn, sql, as_numbered(sql, text)) for text in dict.fromkeys(texts)) and all(
        same_program(conn, text, render(view)) for text, view in reading.views
    )
