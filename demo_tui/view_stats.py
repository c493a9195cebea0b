"""ViewStats: what a view costs and tells, as signals that labels follow."""

from __future__ import annotations

from collections.abc import Callable

from eddyline import Patch, Reset, Signal, View, batch, signal

__all__ = ["ViewStats"]


class ViewStats:
    """Counts the patches of one view at a time."""

    def __init__(self) -> None:
        self.view: Signal[View | None] = signal(None, name="view on show")
        self.cost_us: Signal[float | None] = signal(None, name="cost of the last change")
        self.patches = signal(0, name="patches of the last commit")
        self.patches_all = signal(0, name="patches in all")
        self.commits = signal(0, name="commits that changed the result")
        self.resets = signal(0, name="how often the view began anew")
        self._stop: Callable[[], None] = lambda: None
        self._begun = False

    def follow(self, view: View) -> None:
        """Count for `view` from now on, from zero."""
        self._stop()
        self._begun = False
        with batch():
            self.view.set(view)
            for figure in (self.patches, self.patches_all, self.commits, self.resets):
                figure.set(0)
            self._stop = view.subscribe(lambda patches: self._count(view, patches))

    def _count(self, view: View, patches: list[Patch]) -> None:
        with batch():
            self.cost_us.set(view.last_cost_us)
            if not self._begun:  # the Reset that begins
                self._begun = True
                return
            self.patches.set(len(patches))
            self.patches_all.update(lambda before: before + len(patches))
            self.commits.update(lambda before: before + 1)
            if any(isinstance(patch, Reset) for patch in patches):
                self.resets.update(lambda before: before + 1)
