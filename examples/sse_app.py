"""A FastAPI app whose page follows a query by server-sent events.    uvicorn examples.sse_app:app

    POST /issues {"title": ...} --> the database --> a live view --> GET /events --> EventSource in every open page

An event is a patch as `eddyline live` prints it. The file is `tracker.db`, or what TRACKER says: other programs may
write to it, too.
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from fastapi.responses import HTMLResponse, StreamingResponse
from pydantic import BaseModel

from eddyline import Database
from eddyline.signals.json_lines import patch_lines

PAGE = """<!doctype html><meta charset=utf-8><title>Issues</title>
<form><input name=title required><button>Add</button></form><ul></ul>
<script>
const list = document.querySelector("ul"), at = (index) => list.children[index] ?? null;
const item = (row) => Object.assign(document.createElement("li"), { textContent: row[1] });
const apply = {
  reset: (patch) => list.replaceChildren(...patch.rows.map(item)),
  insert: (patch) => list.insertBefore(item(patch.row), at(patch.index)),
  update: (patch) => at(patch.index).replaceWith(item(patch.row)),
  remove: (patch) => at(patch.index).remove(),
  move: (patch) => { const row = at(patch.index); row.remove(); list.insertBefore(row, at(patch.to)); },
};
new EventSource("events").onmessage = (event) => { const patch = JSON.parse(event.data); apply[patch.kind](patch); };
document.querySelector("form").onsubmit = (event) => {
  event.preventDefault();
  const body = JSON.stringify({ title: event.target.title.value });
  fetch("issues", { method: "POST", body, headers: { "Content-Type": "application/json" } });
  event.target.reset();
};
</script>"""


class NewIssue(BaseModel):
    title: str


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    async with Database.open(os.environ.get("TRACKER", "tracker.db")) as db:
        await db.execute("CREATE TABLE IF NOT EXISTS issue (id INTEGER PRIMARY KEY, title TEXT)")
        app.state.db = db
        yield


app = FastAPI(lifespan=lifespan)


@app.get("/", response_class=HTMLResponse)
async def page() -> str:
    return PAGE


@app.post("/issues", status_code=201)
async def add(issue: NewIssue) -> None:
    await app.state.db.execute("INSERT INTO issue (title) VALUES (?)", issue.title)


@app.get("/events")
async def events() -> StreamingResponse:
    view = await app.state.db.live("SELECT id, title FROM issue ORDER BY id DESC LIMIT 100")  # shared by all who ask

    async def stream() -> AsyncIterator[str]:
        with view:
            async for patches in view.changes():
                for line in patch_lines(patches, view.columns, view.version).splitlines():
                    yield f"data: {line}\n\n"

    return StreamingResponse(stream(), media_type="text/event-stream")
