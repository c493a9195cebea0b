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

from ...schema.catalog import Catalog
from ...store import Connection
from ..flatten import flatten
from ..in_compounds import without_in_compounds
from ..plan import Compound, Select, Unplannable
from ..render import render, render_compound, render_placed
from ..verdict import explain, same_program
from .compound import read_compound
from .names import Views
from .select import Reader
from .text import as_numbered, as_tree, described

__all__ = ["parse"]

_TEXT_MAX = 100_000


def parse(sql: str, catalog: Catalog, conn: Connection) -> Select | Compound:
    """Return the plan of the SELECT `sql`, whose positional parameters become :p1, :p2, ..."""
    try:
        from sqlglot import exp
    except ModuleNotFoundError as error:
        raise Unplannable("sqlglot, which reads texts, isn't installed; queries of models need no text") from error

    if len(sql) > _TEXT_MAX:
        raise Unplannable(f"the text is longer than {_TEXT_MAX} characters")
    tree = as_tree(sql, "the text")
    plan: Select | Compound
    views: Views = []
    try:
        if isinstance(tree, exp.SetOperation):
            plan = read_compound(tree, lambda: Reader(catalog, count(1), views=views))
            texts = [render_compound(plan)]
        elif isinstance(tree, exp.Select):
            reader = Reader(catalog, count(1), views=views)
            plan = reader.select(tree)
            texts = [render(plan), render_placed(plan, reader.places)]
        else:
            raise Unplannable(f"{described(tree)} is re-run")
        same = any(same_program(conn, sql, as_numbered(sql, text)) for text in dict.fromkeys(texts))
        same = same and all(same_program(conn, text, render(view)) for text, view in views)
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
