"""Random statements: inserts, upserts, REPLACE, updates of rows and keys, UPDATE ... FROM, deletes, nonsense."""

from __future__ import annotations

import sqlite3
from contextlib import suppress

from .data import Value, literal, value_for
from .schema import Column, Table, quote
from .script import Statement
from .shadow import Shadow

__all__ = ["Writes"]

COMPATIBLE = {
    "m": "ntcermxu",
    "x": "ntcermxu",
    "n": "nu",
    "t": "tce",
    "c": "tce",
    "e": "tce",
    "r": "r",
    "f": "f",
    "j": "j",
}


class Writes(Shadow):
    """Writes statements; about one in six fails."""

    def statement(self) -> Statement:
        """Return one write; about one in six fails."""
        rng = self.rng
        if not self.tables:
            return self.keep("SELECT 1")
        table = self.tables[rng.choice(list(self.tables))]
        name = quote(table.name)
        draw = rng.random()
        if draw < 0.26:
            return self.keep(*self.insert(table))
        if draw < 0.34:
            return self.keep(self.upsert(table))
        if draw < 0.58:
            return self.keep(f"UPDATE {rng.choice(['', '', '', '', 'OR REPLACE ', 'OR IGNORE ', 'OR FAIL '])}{name} "
                             f"SET {self.sets(table)}{self.where(table)}{self.returning(table)}")  # fmt: skip
        if draw < 0.63:
            return self.keep(self.rekey(table))
        if draw < 0.69:
            return self.keep(self.update_from(table))
        if draw < 0.71:
            return self.keep(f"DELETE FROM {name}")
        if draw < 0.73:
            column = rng.choice(table.writable)
            return self.keep(f"UPDATE {name} SET {quote(column.name)} = {quote(column.name)}")
        if draw < 0.76:
            return self.keep(rng.choice([
                "UPDATE nowhere SET a = 1", f"INSERT INTO {name} (nothing) VALUES (1)", f"UPDATE {name} SETT x = 1",
                f"UPDATE {name} SET {quote(table.writable[-1].name)} = json('bad')", "COMMIT",
                f"DELETE FROM {name} WHERE abs({-(2**63)})",
                f"INSERT OR ROLLBACK INTO {name} SELECT * FROM {name}",
            ]))  # fmt: skip
        return self.keep(f"DELETE FROM {name}{self.where(table)}{self.returning(table)}")

    def story(self) -> list[Statement]:
        """Return statements that belong together."""
        rng = self.rng
        table = self.tables[rng.choice(list(self.tables))] if self.tables else None
        if table is None or not table.key:
            return [self.statement()]
        name, key = quote(table.name), self.some_key(table)
        draw = rng.random()
        children = [t for t in self.tables.values() if t.of("p")]
        if draw < 0.25 and children:
            return self.family(rng.choice(children)) or [self.statement()]
        if draw < 0.45 and children:
            child = rng.choice(children)
            made = [
                self.keep(f"DELETE FROM {name} WHERE {key}"),
                self.keep(f"DELETE FROM {quote(child.name)}{self.where(child)}"),
            ]
            return made if self.chance(0.6) else [*reversed(made)]
        if draw < 0.7:
            again = self._plain_insert(table)
            return [self.keep(again), self.keep(f"DELETE FROM {name} WHERE {key}"), self.keep(again)]
        column = quote(rng.choice(table.writable).name)
        back = f"UPDATE {name} SET {column} = NULL WHERE {key}"
        return [
            self.keep(f"UPDATE {name} SET {self.sets(table)} WHERE {key}"),
            self.keep(back),
            self.keep(*self.insert(table)),
        ]

    def family(self, child: Table) -> list[Statement]:
        """Return statements that delete, or move, a parent and its children together."""
        found: list[Statement] = []
        with suppress(sqlite3.Error):
            links = self.shadow.execute(f"PRAGMA foreign_key_list({quote(child.name)})").fetchall()
            parent, own, to = self.rng.choice(links)[2:5] if links else ("", "", "")
            rows = self.shadow.execute(f"SELECT {quote(own)} FROM {quote(child.name)} WHERE {quote(own)} IS NOT NULL")
            values = rows.fetchall()
            if not values or not to:
                return []
            value = literal(self.rng.choice(values)[0])
            if self.chance(0.75):
                found.append(self.keep(f"DELETE FROM {quote(child.name)} WHERE {quote(own)} = {value}"))
                found.append(self.keep(f"DELETE FROM {quote(parent)} WHERE {quote(to)} = {value}"))
            else:
                sets = f"{quote(to)} = {self.rng.randint(1, 14)}"
                found.append(self.keep(f"UPDATE {quote(parent)} SET {sets} WHERE {quote(to)} = {value}"))
                found.append(self.keep(f"DELETE FROM {quote(child.name)} WHERE {quote(own)} = {value}"))
        return found

    def many(self) -> Statement:
        rng = self.rng
        writable = list(self.tables.values())
        if not writable:
            return self.keep("SELECT 1")
        table = rng.choice(writable)
        columns = [c for c in table.writable if c.kind != "w"]
        rows = tuple(tuple(self.value(table, c) for c in columns) for _ in range(rng.randint(2, 6)))
        verb = rng.choice(["INSERT", "INSERT OR IGNORE", "REPLACE"])
        names = ", ".join(quote(c.name) for c in columns)
        sql = f"{verb} INTO {quote(table.name)} ({names}) VALUES ({', '.join('?' * len(columns))})"
        with suppress(sqlite3.Error, OverflowError):
            self.shadow.executemany(sql, rows)
        return Statement(sql, many=rows)

    def value(self, table: Table, column: Column) -> Value:
        rng = self.rng
        if column.kind == "p" and self.chance(0.7):
            parents = [t for t in self.tables.values() if t.pk and t.pk[0] != "ix"]
            numeric = column.declared.upper().startswith("INT")
            for parent in rng.sample(parents, len(parents)):
                spot = (
                    parent.pk[min(int(column.name[1:] or 1), len(parent.pk)) - 1]
                    if column.name[1:].isdigit()
                    else parent.pk[0]
                )
                found = [
                    r[0]
                    for r in self.shadow.execute(f"SELECT {quote(spot)} FROM {quote(parent.name)} LIMIT 20").fetchall()
                ]
                found = [v for v in found if isinstance(v, int) == numeric and v is not None]
                if found:
                    return rng.choice(found)  # type: ignore[no-any-return]  # a value of SQLite's
        return value_for(rng, table, column)

    def _plain_insert(self, table: Table) -> str:
        columns = [c for c in table.writable if c.kind != "i" or self.chance(0.6)]
        names = ", ".join(quote(c.name) for c in columns)
        values = ", ".join(literal(self.value(table, c)) for c in columns)
        if not columns:
            return f"INSERT INTO {quote(table.name)} DEFAULT VALUES"
        return f"INSERT INTO {quote(table.name)} ({names}) VALUES ({values})"

    def insert(self, table: Table) -> tuple[str, tuple[Value, ...]]:
        rng = self.rng
        columns = [c for c in table.writable if c.pk or self.chance(0.85)] or list(table.writable[:1])
        verb = rng.choice(
            [
                "INSERT",
                "INSERT",
                "INSERT OR REPLACE",
                "REPLACE",
                "INSERT OR IGNORE",
                "INSERT OR FAIL",
                "INSERT OR ABORT",
            ]
        )
        if self.chance(0.02):
            verb = "INSERT OR ROLLBACK"
        names = ", ".join(quote(c.name) for c in columns)
        into = f"{verb} INTO {quote(table.name)} ({names})"
        draw = rng.random()
        if draw < 0.35:
            return f"{into} VALUES ({', '.join('?' * len(columns))})", tuple(self.value(table, c) for c in columns)
        if draw < 0.85:
            rows = [
                "(" + ", ".join(literal(self.value(table, c)) for c in columns) + ")"
                for _ in range(rng.choice([1, 1, 2, 4]))
            ]
            return f"{into} VALUES {', '.join(rows)}{self.returning(table)}", ()
        picked = ", ".join(
            f"{quote(c.name)} + 7"
            if c.kind in "iu"
            else quote(c.name)
            if self.chance(0.7)
            else literal(self.value(table, c))
            for c in columns
        )
        return f"{into} SELECT {picked} FROM {quote(table.name)}{self.where(table)}", ()

    def upsert(self, table: Table) -> str:
        insert = self._plain_insert(table)
        unique = [c.name for c in table.columns if c.kind == "u"]
        targets = [t for t in (table.pk, tuple(unique[:1])) if t]
        if not targets or "DEFAULT" in insert or self.chance(0.15):
            return f"{insert} ON CONFLICT DO NOTHING"
        target = ", ".join(map(quote, self.rng.choice(targets)))
        if self.chance(0.2):
            return f"{insert} ON CONFLICT ({target}) DO NOTHING"
        column = self.rng.choice(table.writable)
        value = self.rng.choice([f"excluded.{quote(column.name)}", literal(self.value(table, column))])
        return f"{insert} ON CONFLICT ({target}) DO UPDATE SET {quote(column.name)} = {value}"

    def sets(self, table: Table) -> str:
        columns = self.rng.sample(table.writable, min(len(table.writable), self.rng.choice([1, 1, 2])))
        return ", ".join(f"{quote(c.name)} = {self.source(table, c)}" for c in columns)

    def source(self, table: Table, column: Column) -> str:
        rng = self.rng
        draw = rng.random()
        same = [c for c in table.columns if c.kind in COMPATIBLE.get(column.kind, "")]
        if draw < 0.15 and same:
            return quote(rng.choice(same).name)
        if draw < 0.3 and column.kind == "n":
            return f"({quote(column.name)} + 1) % 6"
        if draw < 0.4 and column.kind in "tce":
            return f"{rng.choice(['upper', 'lower', 'trim'])}({quote(column.name)})"
        return literal(self.value(table, column))

    def some_key(self, table: Table) -> str:
        """Return a condition that names one row which is there."""
        spot = ", ".join(map(quote, table.key))
        rows: list[tuple[Value, ...]] = []
        with suppress(sqlite3.Error):  # a ROLLBACK in a trigger may have taken the table back
            rows = self.shadow.execute(f"SELECT {spot} FROM {quote(table.name)} LIMIT 40").fetchall()
        if not rows:
            return "1 = 1"
        row = self.rng.choice(rows)
        return " AND ".join(f"{quote(name)} IS {literal(value)}" for name, value in zip(table.key, row, strict=True))

    def where(self, table: Table) -> str:
        draw = self.rng.random()
        if table.key and draw < 0.62:
            return f" WHERE {self.some_key(table)}"
        column = self.rng.choice(table.columns)
        name, value = quote(column.name), literal(self.value(table, column))
        if draw < 0.95:
            return f" WHERE {name} {self.rng.choice(['=', '=', 'IS', '>', '<'])} {value}"
        return ""

    def returning(self, table: Table) -> str:
        return f" RETURNING {quote(table.columns[0].name)}" if self.chance(0.06) else ""

    def rekey(self, table: Table) -> str:
        """Return an update of keys: one moved, or all shifted."""
        name = quote(table.name)
        key = table.pk if table.without_rowid or not table.key else ("id",) if "id" in table.pk else table.key
        if not key:
            return f"DELETE FROM {name}"
        column = quote(self.rng.choice(key))
        number = [c for c in table.columns if quote(c.name) == column and not c.declared.upper().startswith("INT")]
        one = f" WHERE {self.some_key(table)}" if table.key else ""
        if number:
            return f"UPDATE OR IGNORE {name} SET {column} = {literal(self.value(table, number[0]))}{one}"
        if one and self.chance(0.5):
            return f"UPDATE {name} SET {column} = {self.rng.randint(1, 20)}{one}"
        how = self.rng.choice(["", "OR REPLACE ", "OR IGNORE "])
        return f"UPDATE {how}{name} SET {column} = {column} + {self.rng.choice([1, 3, 20, -1])}"

    def update_from(self, table: Table) -> str:
        other = self.tables[self.rng.choice(list(self.tables))]
        targets = [c for c in table.writable if c.kind in COMPATIBLE] or list(table.writable)
        column = self.rng.choice(targets)
        same = [c for c in other.columns if c.kind in COMPATIBLE.get(column.kind, "")]
        value = f"o.{quote(self.rng.choice(same).name)}" if same else literal(self.value(table, column))
        left, right = self.rng.choice(table.columns), self.rng.choice(other.columns)
        return (
            f"UPDATE {quote(table.name)} SET {quote(column.name)} = {value} FROM {quote(other.name)} AS o "
            f"WHERE {quote(table.name)}.{quote(left.name)} = o.{quote(right.name)}"
        )
