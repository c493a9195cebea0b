"""SQL text to plan, through sqlglot: the only package that imports it, and only when a text has to be read.

    text          what sqlglot is given: parameters by name, SQLite's dialect          tree
    select        reads a SELECT and its FROM, with                                      |
    expressions     what stands in clauses, and                                          v
    names             what a name means, here or in the query around                  Select
    compound      reads UNION, INTERSECT and EXCEPT of several                       Compound
    checked       renders the plan and has SQLite say whether it is what the text means

sqlglot reads many dialects and may take SQLite's text for something else (its precedence, its rewriting of functions),
so it is never trusted: see `checked`.
"""

from .checked import parse

__all__ = ["parse"]
