"""IssuePanel: one issue in full, to read and to edit, with what was said about it.

    view of the issue --> fields that nobody edits follow it
    a field left, Ctrl+S --> what was typed is written;  Esc --> the field is as the database has it

What is typed is never lost to a change by others: the panel says that there was one, and saving keeps what was typed.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any, ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input, Label, Select, Static, TextArea

from eddyline import EddylineError, Signal, View
from eddyline.bindings.textual import bind, widget_scope
from eddyline.signals import Readable

from .fields import Body, Choice, Field
from .joining import Joined
from .labels import MUTED, write_lines_to
from .state_chart import GLYPHS
from .terminal_text import options
from .together import TogetherField
from .tracker_data import PRIORITY_MAX, STATES, Issue

__all__ = ["IssuePanel", "age", "choices"]

FIELDS = ("title", "due", "body")
TOGETHER = "together"


def age(then: datetime, now: datetime | None = None) -> str:
    """Return how long ago that was, in the largest unit: 5 m, 3 h, 12 d. Without a zone it is UTC, as SQLite has it."""
    then = then if then.tzinfo is not None else then.replace(tzinfo=UTC)
    minutes = int(((now or datetime.now(UTC)) - then).total_seconds() // 60)
    if minutes < 60:
        return f"{max(minutes, 0)} m"
    return f"{minutes // 60} h" if minutes < 48 * 60 else f"{minutes // 1440} d"


def choices(names: dict[str, str]) -> list[tuple[str, str]]:
    """Return names by key as what a Select offers."""
    return [(name, key) for key, name in names.items()]


class IssuePanel(Vertical):
    """Shows the issue of a view; says what is to be written."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "save", "Save", priority=True),
        Binding("escape", "leave", "Back"),
    ]

    class Changed(Message):
        """The user has changed these columns of `issue`."""

        def __init__(self, issue: Issue, values: dict[str, Any]) -> None:  # Any: of the columns' types
            super().__init__()
            self.issue, self.values = issue, values

    class Commented(Message):
        """The user has written a comment on `issue`."""

        def __init__(self, issue: Issue, body: str) -> None:
            super().__init__()
            self.issue, self.body = issue, body

    class Left(Message):
        """The user goes back to the list."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self.issue: Issue | None = None
        self._base: dict[str, str] = dict.fromkeys(FIELDS, "")
        self._people: dict[str, str] = {}
        self._joined: Joined | None = None

    def compose(self) -> ComposeResult:
        yield Label(id="issue-head")
        yield Field("title", id="title")
        with Horizontal(classes="fields"):
            yield Choice([(f"{GLYPHS[s]} {s}", s) for s in STATES], id="state")
            yield Choice([(f"priority {level}", level) for level in range(PRIORITY_MAX + 1)], id="priority")
        with Horizontal(classes="fields"):
            yield Choice[str]([], blank="nobody", id="assignee")
            yield Field("due: 2026-12-31", id="due")
        yield Body("what it is about", id="body")
        yield Label(id="notice")
        with VerticalScroll(id="said", can_focus=False):
            yield Static(id="comments")
        yield Input(placeholder="add a comment, Enter", compact=True, id="comment")

    def on_mount(self) -> None:
        self.border_title = "issue"
        self.disabled = True

    def follow(
        self,
        issue: View,
        comments: View,
        *,
        people: Signal[dict[str, str]],
        projects: Signal[dict[str, str]],
        others: Readable[list[str]],
        joined: Joined | None,
    ) -> None:
        """Show these views, which close with the panel; names are looked up by key. `others` look at it, too."""
        self._joined = joined
        scope = widget_scope(self)
        scope.add(issue)
        scope.add(comments)
        bind(self, self._offer, people)
        bind(self, self._take, lambda: issue.rows())
        bind(self, self._head, lambda: _head_of(issue.rows(), projects()))
        bind(self, self._beside, others)
        bind(self, write_lines_to(self.query_one("#comments", Static)), lambda: _said(comments.rows()))

    # -- what the database says

    def _take(self, rows: tuple[Issue, ...]) -> None:
        """Show the issue; fields that are being edited stay as they are."""
        if not rows:
            self._gone()
            return
        issue, other = rows[0], self.issue is None or self.issue.id != rows[0].id
        changed = []
        for name in FIELDS:
            theirs = _text(issue, name)
            if other or self._typed(name) == self._base[name]:
                self._show(name, theirs)
            elif theirs not in (self._base[name], self._typed(name)):
                changed.append(name)
            self._base[name] = theirs
        self.issue, self.disabled = issue, False
        for name in ("state", "priority", "assignee"):
            self._choose(name, getattr(issue, name))
        if changed:
            self._say(f"{' and '.join(changed)} changed meanwhile: Ctrl+S keeps yours, Esc takes theirs")
        elif other or not self.edits():
            self._say("")

    def _offer(self, people: dict[str, str]) -> None:
        """Offer these people; who was chosen stays so."""
        self._people = people
        select = self.query_one("#assignee", Select)
        with select.prevent(Select.Changed):
            select.set_options(options(choices(people)))
        if self.issue is not None:
            self._choose("assignee", self.issue.assignee)

    def _head(self, text: str) -> None:
        self.query_one("#issue-head", Label).update(Content(text), layout=False)

    def _beside(self, names: list[str]) -> None:
        said = f"{' and '.join(names)} {'is' if len(names) == 1 else 'are'} here, too"
        self.border_subtitle = Content(said if names else "")

    def _gone(self) -> None:
        if self.edits():
            self._say("this issue was deleted meanwhile; what you typed is still here to copy")
            return
        self.issue, self.disabled = None, True
        for name in FIELDS:
            self._base[name] = ""
            self._show(name, "")
        self._say("")

    def _say(self, text: str) -> None:
        notice = self.query_one("#notice", Label)
        if str(notice.content) != text:
            notice.update(Content(text))
            notice.display = bool(text)

    def _show(self, name: str, text: str) -> None:
        widget = self.query_one(f"#{name}")
        if isinstance(widget, TextArea):
            if widget.text != text:
                widget.load_text(text)
        elif isinstance(widget, Input) and widget.value != text:
            with widget.prevent(Input.Changed):
                widget.value = text

    def _choose(self, name: str, value: object) -> None:
        select: Select[Any] = self.query_one(f"#{name}", Select)  # Any: a state, a number or a key
        unknown = name == "assignee" and value not in self._people  # nobody, or a person whose name is still to come
        wanted = Select.NULL if unknown else value
        if select.value != wanted:
            with select.prevent(Select.Changed):
                select.value = wanted

    # -- what the user does

    def _typed(self, name: str) -> str:
        widget = self.query_one(f"#{name}")
        return widget.text if isinstance(widget, TextArea) else widget.value if isinstance(widget, Input) else ""

    def edits(self) -> dict[str, str]:
        """Return what was typed and isn't written yet."""
        return {name: self._typed(name) for name in FIELDS if self._typed(name) != self._base[name]}

    def edited(self) -> dict[str, Any] | None:  # Any: of the columns' types
        """Return what was typed as values of columns; None, and it is said, where it can't be understood."""
        edits, values = self.edits(), dict[str, Any]()  # Any: as above
        values.update(edits)
        if "due" in edits:
            try:
                values["due"] = date.fromisoformat(edits["due"].strip()) if edits["due"].strip() else None
            except ValueError:
                self.notify(f"{edits['due']!r} is no date; write it as 2026-12-31", markup=False, severity="warning")
                return None
        if "title" in edits and not edits["title"].strip():
            self.notify("an issue needs a title", severity="warning")
            return None
        return values

    def save(self) -> bool:
        """Have what was typed written; return whether it could be understood."""
        if self.issue is None or not self.edits():
            return True
        values = self.edited()
        if values is None:
            return False
        self._base.update(self.edits())
        self._say("")
        self.post_message(self.Changed(self.issue, values))
        return True

    @property
    def comment(self) -> str:
        """What was typed as a comment and isn't sent yet."""
        return self.query_one("#comment", Input).value.strip()

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """At a server the description is typed together."""
        if event.widget.id == "body" and self._joined is not None and self.issue is not None:
            self.run_worker(self._type_together(self.issue, self._joined, event.widget), group="together")

    async def _type_together(self, issue: Issue, joined: Joined, body: Widget) -> None:
        try:
            field = await TogetherField.of(issue, joined, id=TOGETHER)
        except EddylineError as error:
            self.notify(str(error), markup=False, severity="error")
            return
        if body.has_focus:
            await self.mount(field, after=body)
            body.display = False
            field.focus()

    def _type_alone(self, field: TogetherField) -> None:
        field.leave()
        field.remove()
        self.query_one("#body").display = True

    def on_descendant_blur(self, event: events.DescendantBlur) -> None:
        """What was typed is saved when its field is left; a date or title that can't be is put back."""
        if isinstance(event.widget, TogetherField):
            self._type_alone(event.widget)
        if event.widget.id in FIELDS and not self.save():
            self._show(event.widget.id, self._base[event.widget.id])

    def on_select_changed(self, event: Select.Changed) -> None:
        event.stop()
        name = event.select.id
        if self.issue is None or name is None:
            return
        value = None if event.value is Select.NULL else event.value
        if value != getattr(self.issue, name):
            self.post_message(self.Changed(self.issue, {name: value}))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        if event.input.id != "comment":
            self.save()
        elif self.issue is not None and event.value.strip():
            self.post_message(self.Commented(self.issue, event.value.strip()))
            event.input.value = ""

    def action_save(self) -> None:
        """Write what was typed."""
        if self.edits() and self.save():
            self.notify("saved", timeout=2)

    def action_leave(self) -> None:
        """Put back the field that has the focus, if it was changed; else go back to the list."""
        name = getattr(self.screen.focused, "id", None)
        if name in self.edits():
            assert name is not None
            self._show(name, self._base[name])
            self._say("")
            return
        self.post_message(self.Left())


def _head_of(rows: tuple[Issue, ...], projects: dict[str, str]) -> str:
    if not rows:
        return "no issue"
    issue = rows[0]
    return f"{projects.get(str(issue.project), '')} · opened {age(issue.opened)} ago · {issue.hours} h of work"


def _text(issue: Issue, name: str) -> str:
    value = getattr(issue, name)
    return "" if value is None else str(value)


def _said(rows: tuple[Any, ...]) -> Content:  # Any: rows of comments_of
    parts: list[str | tuple[str, str]] = []
    for row in rows:
        parts += [(row.author, "bold $text-primary"), (f"  {age(row.written)} ago\n", MUTED), f"{row.body}\n"]
    return Content.assemble(*parts).rstrip() if parts else Content.styled("Nobody has said anything yet.", MUTED)
