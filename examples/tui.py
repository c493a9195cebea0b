"""A terminal app in 40 lines: a live list, a search box, keys that write.    python examples/tui.py [FILE]"""

import sys
from typing import ClassVar

from textual.app import App, ComposeResult
from textual.widgets import Footer, Input, Label

from eddyline import Database, signal
from eddyline.bindings.textual import LiveTable, bind, bind_input

SCHEMA = "CREATE TABLE IF NOT EXISTS todo (id INTEGER PRIMARY KEY, title TEXT, done INTEGER DEFAULT 0)"
QUERY = "SELECT id, title, done FROM todo WHERE title LIKE '%' || :text || '%' ORDER BY done, id DESC"


class Todo(App[None]):
    BINDINGS: ClassVar = [("ctrl+t", "mark", "Done or not"), ("ctrl+r", "remove", "Remove"), ("ctrl+q", "quit", "Quit")]

    def compose(self) -> ComposeResult:
        self.text = signal("")
        yield Input(placeholder="search, or Enter to add")
        yield LiveTable(id="todos")
        yield Label(id="count")
        yield Footer()

    async def on_mount(self) -> None:
        self.db = await Database.open(sys.argv[1] if len(sys.argv) > 1 else ":memory:")
        await self.db.execute(SCHEMA)
        todos = await self.db.live(QUERY, text=self.text)
        self.query_one(LiveTable).show(todos)
        bind_input(self.query_one(Input), self.text)
        bind(self.query_one("#count", Label), "update", lambda: f"{sum(not row.done for row in todos.rows())} to do")

    async def on_input_submitted(self, message: Input.Submitted) -> None:
        if message.value.strip():
            await self.db.execute("INSERT INTO todo (title) VALUES (?)", message.value)
            self.text.set("")

    async def action_mark(self) -> None:
        await self.write_chosen("UPDATE todo SET done = NOT done WHERE id = ?")

    async def action_remove(self) -> None:
        await self.write_chosen("DELETE FROM todo WHERE id = ?")

    async def write_chosen(self, sql: str) -> None:
        if (row := self.query_one(LiveTable).cursor_row) is not None:  # there may be none
            await self.db.execute(sql, row.id)

    async def on_unmount(self) -> None:
        await self.db.close()


if __name__ == "__main__":
    Todo().run()
