"""Values: few, so that they meet; of every type, so that affinity and collation matter."""

from __future__ import annotations

from random import Random

from .schema import Column, Table

__all__ = ["Value", "literal", "value_for"]

Value = None | int | float | str | bytes

TEXTS = ("a", "A", "b", "B", "a ", "b  ", "", "é", "É", "1", "ab", "Ab", "%", "it's")
MIXED: tuple[Value, ...] = (
    None, 0, 1, 1, 2, 10, -1, 1.0, 2.5, "1", "1.0", " 1", "10", "2.5", "a", "A", "a ", "", b"a", b"", b"1", "1e1",
)  # fmt: skip
POOLS: dict[str, tuple[Value, ...]] = {
    "n": (None, 0, 1, 1, 2, 3, 4, 5, -2), "t": (None, *TEXTS), "c": (None, *TEXTS), "e": (None, *TEXTS),
    "r": (None, 0.0, 0.25, 0.5, 1.0, 1.0, 2.5, -1.75, 100.0, 3), "m": MIXED, "x": MIXED,
    "f": (None, 0.1, 0.2, 0.3, 0.7, 1.1, 1e6, -0.1), "w": (None, 0, 1, "a"), "g": MIXED,
    "j": (None, '{"a": 1}', '{"a": [1, 2]}', '{"a": "x"}', "[1, 2]", "null", "1", '{"a": 2, "b": 1}'),
    "b": (None, 0, 1, 5, 2**40), "a": (None, 0, 1, -5, 7),
}  # fmt: skip
BAD: dict[str, tuple[Value, ...]] = {
    "j": ("{bad", "", '{"a":'), "b": (2**63 - 1, 2**62, 2**63 - 2), "a": (-(2**63),),
}  # fmt: skip
KEY_TEXTS = ("a", "A", "b", "B", "c", "D", "1", "2", "01", "a ", "é")


def value_for(rng: Random, table: Table, column: Column) -> Value:
    """Return a value for `column`; seldom one that an expression fails on."""
    kind = column.kind
    if kind == "i":
        return rng.randint(1, 14)
    if kind == "u":
        return rng.randint(1, 8) if rng.random() < 0.9 else None
    if kind in "kpo" or column.name == "rowid":
        if kind == "p" and rng.random() < 0.12:
            return None
        numeric = column.declared.upper().startswith("INT")
        return rng.randint(1, 9) if numeric else rng.choice(KEY_TEXTS)
    if kind in BAD and rng.random() < 0.06:
        bad: tuple[Value, ...] = BAD[kind]
        return rng.choice(bad)
    if table.strict and column.declared.upper() in ("TEXT", "INTEGER", "INT", "REAL") and rng.random() < 0.03:
        return b"wrong"
    pool: tuple[Value, ...] = POOLS.get(kind, MIXED)
    return rng.choice(pool)


def literal(value: Value) -> str:
    """Return `value` as it stands in SQL."""
    if value is None:
        return "NULL"
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return f"x'{value.hex()}'" if isinstance(value, bytes) else repr(value)
