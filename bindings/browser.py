"""The browser: a page that follows signals and views, in Pyodide, on the main thread or from a worker.

    top = await db.live(Issue.where(Issue.state == "open").order_by(Issue.priority.desc()))
    bind("#count", lambda: f"{len(top.rows())} open")                     # one-way; once a frame
    bind_input("#search", search)                                         # two-way
    mount(top, "#issues")                                                 # a keyed list by its <template>
    when("#empty", lambda: not top.rows())                                # a block that comes and goes

    @on("click", "#issues .close")
    async def close(event: Event) -> None:
        await db.run(close_issue, event.row.id)

Targets are selectors, or elements of the document where Python stands beside it. Everything ends with the Scope that
was current when it was made. Text is never read as HTML.
"""

from .dom.bind_input import Input, bind_input
from .dom.bound import Block, Bound, bind, show, when
from .dom.events import Event, Listener, listen, on
from .dom.main_thread import applier_source, main_page
from .dom.mount import Mount, mount
from .dom.page import Element, Page, current_page, use_page
from .dom.text_editor import TextEditor
from .dom.text_field import TextField, status
from .dom.worker import worker_page
from .remote_cursor import RemoteCursor

__all__ = [
    "Block",
    "Bound",
    "Element",
    "Event",
    "Input",
    "Listener",
    "Mount",
    "Page",
    "RemoteCursor",
    "TextEditor",
    "TextField",
    "applier_source",
    "bind",
    "bind_input",
    "current_page",
    "listen",
    "main_page",
    "mount",
    "on",
    "show",
    "status",
    "use_page",
    "when",
    "worker_page",
]
