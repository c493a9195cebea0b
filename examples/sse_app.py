"""A FastAPI app whose page follows a query by server-sent events, and that replicas join.

    SECRET=... uvicorn examples.sse_app:app

    POST /issues {"title": ...} --> the workspace --> a live view --> GET /events --> EventSource in every open page
    db.connect("ws://localhost:8000/sync/tracker", token=...)  <-->  the same workspace, offline too

An event is a patch as `eddyline live` prints it. Workspaces are files in `data`, or where TRACKER says. Without a
SECRET to sign tokens with (`eddyline token`) no replica comes in.
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from fastapi.responses import HTMLResponse, StreamingResponse
from pydantic import BaseModel

from eddyline import Column, Model
from eddyline.signals.json_lines import patch_lines
from eddyline.sync import Server, token_authorizer

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


class Issue(Model):
    title: Column[str]


class NewIssue(BaseModel):
    title: str


authorize = token_authorizer(os.environ["SECRET"]) if "SECRET" in os.environ else lambda knock: None
server = Server(os.environ.get("TRACKER", "data"), models=[Issue], authorize=authorize)


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    app.state.db = await server.workspace("tracker")
    yield
    await server.close()


app = FastAPI(lifespan=lifespan)
app.mount("/sync", server.asgi())


@app.get("/", response_class=HTMLResponse)
async def page() -> str:
    return PAGE


@app.post("/issues", status_code=201)
async def add(issue: NewIssue) -> None:
    await app.state.db.write(lambda tx: tx.add(Issue(title=issue.title)))


@app.get("/events")
async def events() -> StreamingResponse:
    view = await app.state.db.live("SELECT id, title FROM issue ORDER BY id DESC LIMIT 100")  # shared by all who ask

    async def stream() -> AsyncIterator[str]:
        with view:
            async for patches in view.changes():
                for line in patch_lines(patches, view.columns, view.version).splitlines():
                    yield f"data: {line}\n\n"

    return StreamingResponse(stream(), media_type="text/event-stream")
