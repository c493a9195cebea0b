"""Screens above the main one: the whole explanation, and the question before a copy is loaded."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button, Label, Static

from eddyline import View

from .rule_panel import explanation_text

__all__ = ["CopyDialog", "ExplainScreen"]


class ExplainScreen(ModalScreen[None]):
    """All that `explain()` says of a view."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,f2,enter", "dismiss", "Close")]

    def __init__(self, view: View) -> None:
        super().__init__()
        self._view = view

    def compose(self) -> ComposeResult:
        with VerticalScroll(id="explain") as scroll:
            scroll.border_title = "explain"
            scroll.border_subtitle = "Esc closes"
            yield Static(explanation_text(self._view, whole=True, dark=self.app.current_theme.dark))

    def on_mount(self) -> None:
        self.query_one("#explain").focus()


class CopyDialog(ModalScreen[bool]):
    """May the load run on a copy? The user's file is never written."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,n", "answer(False)", "No"),
        Binding("y", "answer(True)", "Yes"),
        Binding("left,right", "app.focus_next", show=False),
    ]

    def __init__(self, shown: str) -> None:
        super().__init__()
        self._shown = shown

    def compose(self) -> ComposeResult:
        with Vertical(id="ask") as box:
            box.border_title = "load"
            yield Label(
                Content.assemble(
                    "The load changes rows some hundred times a second. This demo never writes to ",
                    (self._shown, "bold"),
                    ", so it goes on with a temporary copy of it, which is removed when you quit.",
                )
            )
            with Horizontal():
                yield Button("Load a copy (y)", variant="primary", compact=True, id="yes")
                yield Button("Cancel (n)", compact=True, id="no")

    def on_button_pressed(self, event: Button.Pressed) -> None:
        self.dismiss(event.button.id == "yes")

    def action_answer(self, answer: bool) -> None:
        self.dismiss(answer)
