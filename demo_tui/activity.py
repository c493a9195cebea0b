"""Activity: how many commits this program and others have made since the database was opened, and how fast.

    db.after_commit ---> own += 1 -----------+
                                             +--> commits, per_s, others_lately: signals that labels follow
    pulse.version moves without us: others --+

The number of a commit is Eddyline's own count of what it has seen, so what is not ours came from another program.
Commits of others are noticed ten times a second; several within that time count as one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from eddyline import Commit, Database, Effect, View, batch, effect, signal

__all__ = ["Activity"]

WINDOW_S = 1.5
LATELY_S = 3.0


class Activity:
    """Counts commits. `tick` has to be called now and then; `pulse` is a view that every foreign commit touches."""

    def __init__(self, db: Database, pulse: View, now: Callable[[], float]) -> None:
        self.commits = signal(0, name="commits")
        self.others = signal(0, name="commits of others")
        self.per_s = signal(0.0, name="writes a second")
        self.others_lately = signal(False, name="another program writes")
        self._now = now
        self._before = pulse.version  # commits from before we count
        self._own = 0
        self._others_before_own: int | None = None  # as our last commit since the last tick knew it
        self._others_at: float | None = None
        self._marks: deque[tuple[float, int]] = deque([(now(), 0)])
        self._stop = db.after_commit(self._committed)
        self._effect: Effect = effect(lambda: self._saw(pulse.version), name="pulse")

    def _committed(self, commit: Commit) -> None:
        self._own += 1
        self._others_before_own = commit.number - self._before - self._own
        self._saw(commit.number)

    def _saw(self, number: int) -> None:
        self.commits.set(max(number - self._before, self.commits.peek()))

    def tick(self) -> None:
        """Bring what depends on time up to date."""
        now, marks = self._now(), self._marks
        marks.append((now, self.commits.peek()))
        while len(marks) > 2 and now - marks[1][0] >= WINDOW_S:
            marks.popleft()
        (begin, before), (end, after) = marks[0], marks[-1]
        # While we write, only the number of our own commit is surely not ahead of `_own`.
        others = self.commits.peek() - self._own if self._others_before_own is None else self._others_before_own
        self._others_before_own = None
        with batch():
            self.per_s.set((after - before) / (end - begin) if end > begin else 0.0)
            if others > self.others.peek():
                self.others.set(others)
                self.others_lately.set(True)
                self._others_at = now
            elif self._others_at is not None and now - self._others_at > LATELY_S:
                self._others_at = None
                self.others_lately.set(False)

    def close(self) -> None:
        """Stop counting."""
        self._stop()
        self._effect.close()
