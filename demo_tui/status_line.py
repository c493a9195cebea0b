"""StatusLine: file, journal mode, commits seen, writes a second, whether another program writes."""

from __future__ import annotations

from pathlib import PurePath

from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.widgets import Label

from eddyline import Signal, signal
from eddyline.bindings.textual import bind

from .labels import MUTED, write_to
from .session import Session

__all__ = ["StatusLine"]

WIDE, NARROW, TINY = 100, 70, 56
KINDS = {"sample": "sample", "file": "only read", "copy": "temporary copy", "joined": "replica"}
OTHERS_MAX = 3


class StatusLine(Horizontal):
    """Follows the session on show."""

    def __init__(self, session: Signal[Session], loading: Signal[bool], *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._session, self._loading = session, loading
        self._room = signal(0, name="width of the status line")

    def compose(self) -> ComposeResult:
        yield Label("≈ Eddyline", id="brand")
        yield Label(id="file")
        yield Label(id="joined")
        yield Label(id="activity")

    def on_mount(self) -> None:
        bind(self, write_to(self.query_one("#file", Label)), self._file)
        bind(self, write_to(self.query_one("#joined", Label)), self._joined)
        bind(self, write_to(self.query_one("#activity", Label)), self._activity)

    def on_resize(self, event: events.Resize) -> None:
        self._room.set(event.size.width)

    def _file(self) -> Content:
        target = self._session().target
        name = target.shown if self._room() >= WIDE else PurePath(target.shown).name
        kind = KINDS[target.kind] if self._room() >= NARROW else ""
        return Content.assemble((name, "bold"), "  " if kind else "", (kind, MUTED))

    def _joined(self) -> Content:
        """Say how it stands with the server, and who else is there."""
        joined = self._session().joined
        if joined is None:
            return Content()
        state, others = joined.state(), joined.others()
        online = state.startswith("online")
        dot = ("● ", "$text-success") if online else ("○ ", "$text-warning")
        names = ", ".join(others[:OTHERS_MAX]) + (f" +{len(others) - OTHERS_MAX}" if len(others) > OTHERS_MAX else "")
        with_others = f" · with {names}" if others and self._room() >= NARROW else ""
        return Content.assemble(dot, (state + with_others, "" if online else "$text-warning"), "  ")

    def _activity(self) -> Content:
        session = self._session()
        activity = session.activity
        commits, per_s, others = activity.commits(), activity.per_s(), activity.others_lately()
        who = ("● another program writes", "$text-accent") if others else ("", "")
        if self._loading():
            who = ("● load", "$text-warning") if not others else ("● load and another program", "$text-accent")
        parts = [session.journal_mode, f"{commits:,} commit{'s' * (commits != 1)}", f"{per_s:,.0f} writes/s"]
        if (room := self._room()) < NARROW:
            parts = parts[2:] if room < TINY or self._loading() or others else parts[1:]
        return Content.assemble((" · ".join(parts), MUTED), "  " if who[0] else "", who)
