"""SQL in colours: a few hundred characters, by one regular expression. What a colour means is up to SQLite."""

from __future__ import annotations

import re
from typing import Final

from rich.text import Text

__all__ = ["colored"]

KEYWORDS: Final = """ALL AND AS ASC BETWEEN BY CASE CAST COLLATE CROSS DELETE DESC DISTINCT ELSE END ESCAPE EXCEPT
EXISTS FROM FULL GLOB GROUP HAVING IN INNER INSERT INTERSECT INTO IS JOIN LEFT LIKE LIMIT NATURAL NOT NULL OFFSET ON OR
ORDER OUTER OVER PARTITION RECURSIVE REPLACE RIGHT SELECT SET THEN UNION UPDATE USING VALUES WHEN WHERE WITH""".split()

TOKEN: Final = re.compile(
    rf"""(?P<comment>--.*|/\*.*?\*/)|(?P<string>'(?:[^']|'')*'?)|(?P<name>"[^"]*"?|\[[^\]]*\]?|`[^`]*`?)
    |\b(?P<keyword>{"|".join(KEYWORDS)})\b|(?P<number>\b\d[\w.]*)|(?P<call>\b[a-z_]\w*(?=\())""",
    re.IGNORECASE | re.VERBOSE,
)

STYLES: Final = {
    "comment": "italic #6b8a94",
    "string": "#a6d189",
    "keyword": "bold #5fc8d8",
    "number": "#f2b96b",
    "call": "#b4a7f0",
}


def colored(text: Text) -> Text:
    """Return `text`, its SQL coloured in place."""
    for match in TOKEN.finditer(text.plain):
        style = STYLES.get(match.lastgroup or "")
        if style is not None:
            text.stylize(style, *match.span())
    return text
