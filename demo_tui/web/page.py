"""The tracker in a web page: the same models and queries as in the terminal, shown by templates of `index.html`.

    db.live(issues(listing, search)) --mount--> #issues        what the user picks goes in as signals
    the chosen issue --when--> #issue: boxes bound to its cells, its history, undo

`index.html` runs `main()` in Pyodide, on the main thread or in a worker.
"""

from __future__ import annotations

from eddyline import Database, EddylineError, SharedText, View, computed, count, effect, signal
from eddyline.bindings.browser import Event, TextField, bind, bind_input, current_page, mount, on, show, status, when
from eddyline.signals import ListSignal, Signal, on_cleanup, resource, selector

from ..cursors import cursors_at
from ..joining import Joined, join
from ..seed import ensure_sample
from ..tracker_data import FILTERS, MODELS, STATES, Issue, Listing, Project, issues, states

__all__ = ["main"]

SHOWN = 100
HOT = 8

search, filtered = signal(""), signal("active")
picked = signal("")  # the key of the project whose issues are shown; "" for all
chosen: Signal[Issue | None] = signal(None)
said = signal("")


async def show_projects(db: Database) -> None:
    """Show every project with the number of its issues that aren't done; a click picks one, or no longer."""
    active = Issue.where(Issue.project == Project.id, Issue.state.in_(FILTERS["active"]))
    columns = Project.id, Project.name, active.select(count()).scalar().as_("open")
    projects = await db.live(Project.select(*columns).order_by(Project.name))
    mount(projects, "#projects", fields={"chosen": lambda project: project.id == picked()})

    @on("click", "#projects .pick")
    def pick(event: Event) -> None:
        picked.set("" if picked.peek() == event.row.id else event.row.id)


async def show_issues(db: Database) -> None:
    """Show the first issues of what is picked: another view for another pick; what is typed is followed by the view."""
    by_state = await db.live(states())
    numbers = computed(lambda: {row.state: row.issues for row in by_state.rows()})
    bind("#counts", lambda: " · ".join(f"{numbers().get(state, 0)} {state}" for state in STATES))
    bind_input("#search", search)
    bind_input("#filter", filtered)

    async def open_view(listing: Listing) -> View[Issue]:
        return await db.live(issues(listing, search).limit(SHOWN))

    is_chosen = selector(lambda: issue.id if (issue := chosen()) else None)
    shown = resource(open_view, lambda: Listing(filter=filtered(), project=picked() or None))

    def mount_view() -> None:
        if shown.value is not None:
            mount(
                shown.value,
                "#issues",
                fields={
                    "done": lambda issue: issue.state == "done",
                    "hot": lambda issue: issue.priority >= HOT,
                    "spoken": lambda issue: f"priority {issue.priority}",
                    "chosen": lambda issue: is_chosen(issue.id),
                },
            )

    effect(mount_view)  # the list of the pick before goes when the next one is there
    rows = computed(lambda: len(shown.value.rows()) if shown.value is not None else -1)
    show("#none", lambda: rows() == 0)
    bind("#more", lambda: f"These are the first {SHOWN}." if rows() == SHOWN else "")

    @on("click", "#issues .pick")
    def choose(event: Event) -> None:
        chosen.set(event.row)

    @on("submit", "#new")
    async def add(event: Event) -> None:
        if title := str(event.form["title"]).strip():
            project = picked.peek() or (await db.fetch(Project.order_by(Project.name).limit(1)))[0].id
            async with db.transaction("add an issue") as tx:
                chosen.set(await tx.add(Issue(title=title, project=project)))
            current_page().find("#new").call("reset")


def show_issue(db: Database, joined: Joined | None) -> None:
    """Show the chosen issue: what is typed is written, what others write is shown, and where they are in it."""
    key = computed(lambda: issue.id if (issue := chosen()) else "")
    show("#choose", lambda: not key())

    def build() -> None:
        issue = chosen.peek()
        assert issue is not None, "the block is there while an issue is chosen"
        watched = issue.watch()
        bind_input("#title", watched, Issue.title)
        bind_input("#state", watched, Issue.state)
        bind_input("#priority", watched, Issue.priority)
        cells = [watched.cell(column) for column in (Issue.title, Issue.state, Issue.priority)]
        bind("#error", lambda: " ".join(str(cell.error) for cell in cells if cell.error) or said())
        history: ListSignal[str] = ListSignal()
        mount(history, "#history", fields={"said": str})

        async def look_up(_: object) -> None:
            history.set([f"{change.kind} {change.cells or ''}" for change in (await db.history(issue))[:20]])

        resource(look_up, watched.get)

        async def open_body() -> SharedText:
            return await db.text(issue, Issue.body)

        body = resource(open_body)

        def type_together() -> None:
            if body.value is None:
                return
            if joined is None:
                TextField("#body", body.value)
                return
            link, field = joined.link, TextField("#body", body.value, cursors=cursors_at(joined, issue.id))

            def say() -> None:
                at = field.cursor()
                link.present(issue=issue.id, **({} if at is None else {"at": at.hex()}))

            effect(say, name="where the user types")
            on_cleanup(lambda: link.present(issue=""))

        effect(type_together)

        @on("click", "#undo")
        async def undo() -> None:
            try:
                said.set("" if await db.undo() else "There is nothing to undo.")
            except EddylineError as error:
                said.set(str(error))

    effect(lambda: when("#issue", lambda: True, build) if key() else None)  # anew for each issue


async def main(url: str = "", name: str = "") -> None:
    """Open the tracker of this page, with the sample in it the first time, or that of the server at `url`; show it."""
    joined = None
    if url:
        db = await Database.open(f"{url.rpartition('/')[2]} {name}.db", models=MODELS, actor=name)
        joined = await join(db, url, name)
        status("#status", joined.link)
        bind("#others", lambda: ", ".join(joined.others()))
    else:
        db = await Database.open("tracker.db", models=MODELS)
        await ensure_sample(db)
    await show_projects(db)
    await show_issues(db)
    show_issue(db, joined)
    show("#starting", lambda: False)
    for part in ("header", "main"):
        show(part, lambda: True)
