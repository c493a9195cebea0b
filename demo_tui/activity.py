"""Activity: how many commits this program and others have made since the database was opened, and how fast.

    db.after_commit ------+
                          +--> commits, per_s, others_lately: signals that labels follow
    db.foreign_commits ---+

Commits of others are noticed ten times a second; several within that time count as one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from eddyline import Commit, Database, Effect, batch, effect, signal, untracked

__all__ = ["Activity"]

WINDOW_S = 1.5
LATELY_S = 3.0


class Activity:
    """Counts commits. `tick` has to be called now and then."""

    def __init__(self, db: Database, now: Callable[[], float]) -> None:
        self.commits = signal(0, name="commits")
        self.others = signal(0, name="commits of others")
        self.per_s = signal(0.0, name="writes a second")
        self.others_lately = signal(False, name="another program writes")
        self._now = now
        self._foreign = db.foreign_commits
        self._before = self._foreign.peek()  # commits from before we count
        self._others_at: float | None = None
        self._marks: deque[tuple[float, int]] = deque([(now(), 0)])
        self._stop = db.after_commit(self._committed)
        self._effect: Effect = effect(self._follow, name="commits of others")

    def _committed(self, _: Commit) -> None:
        self.commits.set(self.commits.peek() + 1)

    def _follow(self) -> None:
        others = self._foreign.get() - self._before
        untracked(lambda: self._saw_others(others))

    def _saw_others(self, others: int) -> None:
        if others > self.others.peek():
            with batch():
                self.commits.set(self.commits.peek() + others - self.others.peek())
                self.others.set(others)
                self.others_lately.set(True)
            self._others_at = self._now()

    def tick(self) -> None:
        """Bring what depends on time up to date."""
        now, marks = self._now(), self._marks
        marks.append((now, self.commits.peek()))
        while len(marks) > 2 and now - marks[1][0] >= WINDOW_S:
            marks.popleft()
        (begin, before), (end, after) = marks[0], marks[-1]
        with batch():
            self.per_s.set((after - before) / (end - begin) if end > begin else 0.0)
            if self._others_at is not None and now - self._others_at > LATELY_S:
                self._others_at = None
                self.others_lately.set(False)

    def close(self) -> None:
        """Stop counting."""
        self._stop()
        self._effect.close()
