"""SQL in colours: a few hundred characters, by one regular expression. What a colour means is up to SQLite."""

from __future__ import annotations

import re
from typing import Final

from rich.text import Text

__all__ = ["colored", "sql_styles"]

KEYWORDS: Final = """ALL AND AS ASC BETWEEN BY CASE CAST COLLATE CROSS DELETE DESC DISTINCT ELSE END ESCAPE EXCEPT
EXISTS FROM FULL GLOB GROUP HAVING IN INNER INSERT INTERSECT INTO IS JOIN LEFT LIKE LIMIT NATURAL NOT NULL OFFSET ON OR
ORDER OUTER OVER PARTITION RECURSIVE REPLACE RIGHT SELECT SET THEN UNION UPDATE USING VALUES WHEN WHERE WITH""".split()

TOKEN: Final = re.compile(
    rf"""(?P<comment>--.*|/\*.*?\*/)|(?P<string>'(?:[^']|'')*'?)|(?P<name>"[^"]*"?|\[[^\]]*\]?|`[^`]*`?)
    |\b(?P<keyword>{"|".join(KEYWORDS)})\b|(?P<number>\b\d[\w.]*)|(?P<call>\b[a-z_]\w*(?=\())""",
    re.IGNORECASE | re.VERBOSE,
)

ON_DARK: Final = {
    "comment": "italic #86a3ad",
    "string": "#a6d189",
    "keyword": "bold #5fc8d8",
    "number": "#f2b96b",
    "call": "#b4a7f0",
    "head": "#8fb8c4",
}
ON_LIGHT: Final = {
    "comment": "italic #46595f",
    "string": "#2f6a12",
    "keyword": "bold #00667e",
    "number": "#8a5000",
    "call": "#5b3fb8",
    "head": "#33606e",
}


def sql_styles(*, dark: bool) -> dict[str, str]:
    """Return the colours that can be read on a dark theme, or on a light one."""
    return ON_DARK if dark else ON_LIGHT


def colored(text: Text, *, dark: bool = True) -> Text:
    """Return `text`, its SQL coloured in place."""
    styles = sql_styles(dark=dark)
    for match in TOKEN.finditer(text.plain):
        style = styles.get(match.lastgroup or "")
        if style is not None:
            text.stylize(style, *match.span())
    return text
