"""Random schema changes, and their undoing: columns, tables, indexes, triggers, the twelve steps of a rebuild."""

from __future__ import annotations

from .schema import Table, quote
from .script import Statement
from .writes import Writes

__all__ = ["SchemaChanges"]


class SchemaChanges(Writes):
    """Writes statements and schema changes."""

    def ddl(self) -> list[Statement]:
        """Return a schema change: mostly one statement, or the twelve steps of a rebuild."""
        rng = self.rng
        self.number += 1
        gone = [name for name in self.dropped if name not in self.tables]
        if gone and self.chance(0.5):
            name = rng.choice(gone)
            return [self.keep(self.dropped[name], ddl=True)]
        away = [t for t in self.tables.values() if t.name.startswith("away")]
        if away and self.chance(0.6):
            name = away[0].name.removeprefix("away_")
            return [self.keep(f"ALTER TABLE {quote(away[0].name)} RENAME TO {quote(name)}", ddl=True)]
        if not self.tables:
            return [self.keep("CREATE TABLE fresh (id INTEGER PRIMARY KEY, t1 TEXT)", ddl=True)]
        table = self.tables[rng.choice(list(self.tables))]
        name = quote(table.name)
        column = rng.choice(table.columns)
        lost = [c for c in table.columns if c.name.endswith("_gone")]
        if lost:
            return [
                self.keep(
                    f"ALTER TABLE {name} RENAME COLUMN {quote(lost[0].name)} TO {quote(lost[0].name[:-5])}", ddl=True
                )
            ]
        draw = rng.random()
        if draw < 0.2:
            letter = rng.choice("ntmr")
            declared = (
                "TEXT"
                if table.strict
                else rng.choice(["", "TEXT DEFAULT 'a'", "INTEGER DEFAULT 3", "NOT NULL DEFAULT 0"])
            )
            return [
                self.keep(
                    f"ALTER TABLE {name} ADD COLUMN {'t' if table.strict else letter}9{self.number} {declared}",
                    ddl=True,
                )
            ]
        if draw < 0.35:
            return [
                self.keep(
                    f"ALTER TABLE {name} RENAME COLUMN {quote(column.name)} TO {quote(column.name + '_gone')}", ddl=True
                )
            ]
        if draw < 0.45:
            return [self.keep(f"ALTER TABLE {name} DROP COLUMN {quote(column.name)}", ddl=True)]
        if draw < 0.55:
            return [self.keep(f"ALTER TABLE {name} RENAME TO {quote('away_' + table.name)}", ddl=True)]
        if draw < 0.6:
            made = self.shadow.execute(
                "SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = ?", (table.name,)
            ).fetchone()
            self.dropped[table.name] = made[0]
            return [self.keep(f"DROP TABLE {name}", ddl=True)]
        if draw < 0.8:
            return self.rebuild(table)
        indexes = [
            r[0] for r in self.shadow.execute("SELECT name FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL")
        ]
        if indexes and self.chance(0.4):
            return [self.keep(f"DROP INDEX {quote(rng.choice(indexes))}", ddl=True)]
        if self.chance(0.25):
            body = f"DELETE FROM {name} WHERE {quote(column.name)} = 3"
            trigger = f"CREATE TRIGGER late{self.number} AFTER INSERT ON {name} BEGIN {body}; END"
            return [self.keep(trigger, ddl=True)]
        unique = "UNIQUE " if self.chance(0.15) else ""
        return [self.keep(f"CREATE {unique}INDEX late{self.number} ON {name} ({quote(column.name)})", ddl=True)]

    def rebuild(self, table: Table) -> list[Statement]:
        """Return a rebuild under a new definition: the table itself, or its columns turned round."""
        name = table.name
        made = self.shadow.execute(
            "SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = ?", (name,)
        ).fetchone()
        head, body = made[0].split("(", 1)
        if not head.rstrip().endswith((name, quote(name), f'"{name}"')):
            return [self.statement()]
        columns = ", ".join(quote(c.name) for c in table.writable)
        if self.chance(0.3) and table.without_rowid:
            body = body.replace(") WITHOUT ROWID, STRICT", ") STRICT").replace(") WITHOUT ROWID", ")")
        return [
            self.keep(f"CREATE TABLE fresh_{self.number} ({body}", ddl=True),
            self.keep(f"INSERT INTO fresh_{self.number} ({columns}) SELECT {columns} FROM {quote(name)}"),
            self.keep(f"DROP TABLE {quote(name)}", ddl=True),
            self.keep(f"ALTER TABLE fresh_{self.number} RENAME TO {quote(name)}", ddl=True),
        ]
