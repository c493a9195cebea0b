"""What the tracker asks: a new issue, whether to delete one, whom to assign; and its help."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Label, OptionList, Select, Static
from textual.widgets.option_list import Option

from .terminal_text import one_line, options
from .tracker_data import PRIORITY_MAX
from .tracker_keys import HELP

__all__ = ["AssignDialog", "DeleteDialog", "HelpScreen", "NewDialog", "NewIssue"]

NewIssue = tuple[str, str, int, str | None]
"""Title, project, priority, assignee."""

NOBODY = ""
Choices = Sequence[tuple[str, str]]
"""Names and keys."""


class NewDialog(ModalScreen[NewIssue | None]):
    """Asks for a new issue."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss", "Cancel"),
        Binding("ctrl+s", "make", "Make it", priority=True),
    ]

    def __init__(self, projects: Choices, people: Choices, *, project: str | None) -> None:
        super().__init__()
        self._projects, self._people, self._project = projects, people, project

    def compose(self) -> ComposeResult:
        with Vertical(id="ask") as box:
            box.border_title = "new issue"
            box.border_subtitle = "Enter makes it · Esc cancels"
            yield Input(placeholder="What is to be done?", compact=True, id="new-title")
            yield Select(
                options(self._projects), value=self._project or self._projects[0][1], allow_blank=False, compact=True,
                id="new-project",
            )  # fmt: skip
            with Horizontal():
                levels = [(f"priority {level}", level) for level in range(PRIORITY_MAX + 1)]
                yield Select(levels, value=5, allow_blank=False, compact=True, id="new-priority")
                yield Select(options(self._people), prompt="nobody yet", compact=True, id="new-assignee")

    @property
    def title_typed(self) -> str:
        """The title so far."""
        return self.query_one("#new-title", Input).value.strip()

    def on_input_submitted(self) -> None:
        self.action_make()

    def action_make(self) -> None:
        """Answer, if there is a title."""
        title = self.title_typed
        if not title:
            self.notify("an issue needs a title", severity="warning")
            return
        assignee = self.query_one("#new-assignee", Select).value
        self.dismiss((
            title,
            str(self.query_one("#new-project", Select).value),
            int(str(self.query_one("#new-priority", Select).value)),
            None if assignee is Select.NULL else str(assignee),
        ))  # fmt: skip


class DeleteDialog(ModalScreen[bool]):
    """Asks before an issue is deleted."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,n", "answer(False)", "Keep"),
        Binding("y", "answer(True)", "Delete"),
        Binding("left,right", "app.focus_next", show=False),
    ]

    def __init__(self, title: str) -> None:
        super().__init__()
        self._title = title

    def compose(self) -> ComposeResult:
        with Vertical(id="ask") as box:
            box.border_title = "delete"
            yield Label(
                Content.assemble(
                    "Delete ", (one_line(self._title), "bold"), " with its comments? ", "u brings it back."
                )
            )
            with Horizontal():
                yield Button("Delete (y)", variant="error", compact=True, id="yes")
                yield Button("Keep (n)", compact=True, id="no")

    def on_button_pressed(self, event: Button.Pressed) -> None:
        self.dismiss(event.button.id == "yes")

    def action_answer(self, answer: bool) -> None:
        """Answer by a key."""
        self.dismiss(answer)


class AssignDialog(ModalScreen[str | None]):
    """Asks for a person: type a part of the name, Enter takes the first; "" is nobody."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss", "Cancel"),
        Binding("down", "move(1)", show=False, priority=True),
        Binding("up", "move(-1)", show=False, priority=True),
    ]

    def __init__(self, people: Choices) -> None:
        super().__init__()
        self._people = [("nobody", NOBODY), *people]

    def compose(self) -> ComposeResult:
        with Vertical(id="ask") as box:
            box.border_title = "assign to"
            box.border_subtitle = "Enter assigns · Esc cancels"
            yield Input(placeholder="a part of the name", compact=True, id="who")
            yield OptionList(id="people")

    def on_mount(self) -> None:
        self._offer("")

    def on_input_changed(self, event: Input.Changed) -> None:
        self._offer(event.value)

    def _offer(self, text: str) -> None:
        people = self.query_one("#people", OptionList)
        people.clear_options()
        people.add_options(
            [
                Option(Content(one_line(name)), id=key or "nobody")
                for name, key in self._people
                if text.lower() in name.lower()
            ]
        )
        people.highlighted = 0 if people.option_count else None

    def action_move(self, rows: int) -> None:
        """Move the mark."""
        people = self.query_one("#people", OptionList)
        people.action_cursor_down() if rows > 0 else people.action_cursor_up()

    def on_input_submitted(self) -> None:
        self.query_one("#people", OptionList).action_select()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(NOBODY if event.option.id == "nobody" else str(event.option.id))


class HelpScreen(ModalScreen[None]):
    """All keys."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,enter,question_mark", "dismiss", "Close")]

    def compose(self) -> ComposeResult:
        with VerticalScroll(id="ask") as box:
            box.border_title = "keys"
            box.border_subtitle = "Esc closes"
            width = max(len(keys) for keys, _ in HELP)
            lines = [part for keys, text in HELP for part in ((f"{keys:<{width}}  ", "bold $primary"), f"{text}\n")]
            yield Static(Content.assemble(*lines).rstrip())
