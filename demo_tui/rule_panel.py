"""RulePanel: how the query on show is kept, what the last change cost, how many patches it made.

DELTA  groups kept by accumulators
41 µs          2            1,204
last change    patches      in all
when issue changes
  SELECT ...                               scrolls
"""

from __future__ import annotations

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Label, Static

from eddyline import View, computed
from eddyline.bindings.textual import bind

from .labels import write_to
from .sql_colors import colored, sql_styles
from .view_stats import ViewStats

__all__ = ["RulePanel", "cost_text", "explanation_text"]

CHIPS = {"delta": "$success", "key": "$accent", "re-run": "$warning"}


def cost_text(cost_us: float | None) -> str:
    """Return a duration as a person says it."""
    if cost_us is None:
        return "–"
    return f"{cost_us:,.0f} µs" if cost_us < 10_000 else f"{cost_us / 1000:,.1f} ms"


def explanation_text(view: View, *, whole: bool = False, dark: bool = True) -> Text:
    """Return what `explain()` says as coloured text; `whole`: with rule, state and SQLite's own plan."""
    data = view.explain().data
    text, head = Text(), sql_styles(dark=dark)["head"]
    if whole:
        text.append(f"{data['rule']}: {data['reason']}\n\n", "bold")
        text.append(f"reads      {', '.join(data['tables']) or 'no table'}\n")
        text.append(f"holds      {data['state_size']:,} rows and groups\n")
        text.append(f"last cost  {cost_text(data['last_cost_us'])}\n\n")
    for table, statements in data["delta_sql"].items():
        text.append(f"when {table} changes\n", f"bold {head}")
        for sql in statements:
            for line in sql.splitlines():
                text.append("  ").append_text(colored(Text(line), dark=dark)).append("\n")
            text.append("\n")
    if not data["delta_sql"]:
        tables = ", ".join(data["tables"])
        text.append("The query runs again when ", "italic").append(tables or "another program writes", "bold")
        text.append(" changes; only rows that differ become patches." if tables else ".", "italic")
    if data["plan"]:
        text.rstrip()
        text.append("\n\nfirst fill, by SQLite\n  " + "\n  ".join(data["plan"]), head)
    text.rstrip()
    return text


class Figure(Vertical):
    """A number and what it counts."""

    def __init__(self, caption: str, id: str) -> None:
        super().__init__(id=id)
        self.value = Label("–", classes="value")
        self.caption = Label(caption, classes="caption")

    def compose(self) -> ComposeResult:
        yield self.value
        yield self.caption


class RulePanel(Vertical):
    """Follows the statistics of a view."""

    def __init__(self, stats: ViewStats, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.stats = stats
        self._chip = Label(id="chip")
        self._reason = Label(id="reason")
        self._cost, self._last, self._all = (
            Figure("first fill", "cost"),
            Figure("patches", "last"),
            Figure("in all", "all"),
        )
        self._sql = Static(id="delta")

    def compose(self) -> ComposeResult:
        with Horizontal(id="rule-head"):
            yield self._chip
            yield self._reason
        with Horizontal(id="figures"):
            yield self._cost
            yield self._last
            yield self._all
        with VerticalScroll(id="delta-scroll"):
            yield self._sql

    def on_mount(self) -> None:
        self.border_title = "how it is kept"
        stats = self.stats
        bind(self, write_to(self._cost.value), lambda: cost_text(stats.cost_us()))
        bind(self, write_to(self._cost.caption), lambda: "last change" if stats.commits() else "first fill")
        bind(self, write_to(self._last.value), lambda: f"{stats.patches():,}")
        bind(self, write_to(self._last.caption), lambda: "patch" if stats.patches() == 1 else "patches")
        bind(self, write_to(self._all.value), lambda: f"{stats.patches_all():,}")
        # A view that fails, recovers or begins anew may be kept by another rule than before.
        planned = computed(lambda: (view := stats.view()) and (view, view.status, stats.resets()), name="planned")
        bind(self, self._explain, lambda: planned() and stats.view.peek())
        self.app.theme_changed_signal.subscribe(self, lambda _: self._explain(stats.view.peek()))

    def _explain(self, view: View | None) -> None:
        """Show the rule of `view`."""
        if view is None or view.closed:
            return
        data = view.explain().data
        self._chip.update(Content(f" {data['rule'].upper()} "))
        for rule in CHIPS:
            self._chip.set_class(rule == data["rule"], f"-{rule}")
        self._reason.update(Content(data["reason"]))
        self._sql.update(explanation_text(view, dark=self.app.current_theme.dark))
