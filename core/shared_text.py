"""Shared text: one text column of one row, open for typing, as a signal that others type into as well.

    text = await db.text(issue, Issue.body)          text()  ->  "Hello"         a signal: effects and bindings follow
    text.insert(5, ", all")   at once here      ->  window of 100 ms  ->  one commit: row, views, other replicas
    others' commits           ->  applied here  ->  subscribers hear what changed, where

Each open text has a document of its own, under a client id that is drawn anew, and `undo` takes back only what was
typed here. What is typed is in the file when its window ends, at `flush()` and at `close()`: a crash loses at most one
window. One commit is under way at a time; what is typed meanwhile goes into the next.
Where the row's document becomes another one (a new life, a new epoch, an edit of ours that was rejected), what was
typed and isn't written yet is typed anew into the one that is there now.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, Protocol, TypeAlias

from ..signals import Clock, Signal, Timer, batch, current_scope, signal
from ..signals.closing import Closing
from ..signals.scope import root
from .errors import ClosedError, EddylineError, LockedError
from .text.document import TextChange, TextDocument, Undone, map_index
from .text.edits import clamp, edits_between
from .text.positions import read_state_vector
from .text.structs import lacks

__all__ = ["Loaded", "OnTextChange", "SharedText", "TextHome", "Written"]

OnTextChange: TypeAlias = Callable[[tuple[TextChange, ...]], object]

Written: TypeAlias = Literal["kept", "same", "other"]
"""What became of an update: it is in a commit; the row's text is the same with it; its document is another one now."""

_LOCKED_PAUSE_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class Loaded:
    """A text as it is in the database: which life and epoch, and its document. `incarnation` 0: the row is gone."""

    incarnation: int
    epoch: int = 0
    state: bytes = b""


class TextHome(Protocol):
    """The database, as far as one open text asks."""

    def open(self) -> TextDocument:
        """Return an empty document under a client id of its own."""

    async def load(self) -> Loaded:
        """Return the text as it is now."""

    async def write(self, loaded: Loaded, update: bytes, source: object) -> Written:
        """Write what was typed into the document of `loaded` as one commit. Raises `MissingRowError`."""

    def leave(self, text: SharedText) -> None:
        """Tell `text` of nothing more."""


class SharedText(Closing):
    """A text column of one row, open for typing; a signal of its text. Closed by the Scope that is current here.

    Indexes count code points; ranges are clamped to the text.
    """

    def __init__(
        self,
        home: TextHome,
        loaded: Loaded,
        *,
        window_s: float,
        clock: Clock,
        spawn: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]],
    ) -> None:
        self._home, self._loaded, self._window_s, self._clock, self._spawn = home, loaded, window_s, clock, spawn
        self._document = self._opened(loaded)
        self._text: Signal[str] = signal(str(self._document))
        self._error: Signal[EddylineError | None] = signal(None)
        self._pending: Signal[bool] = signal(False)
        self._gone: Signal[bool] = signal(False)
        self._typed: list[bytes] = []
        self._written = str(self._document)  # the text when it was written or loaded last
        self._subscribers: dict[object, tuple[OnTextChange, object]] = {}
        self._which: Signal[tuple[int, int]] = signal((loaded.incarnation, loaded.epoch))
        self._untold: deque[tuple[object, OnTextChange, tuple[TextChange, ...]]] = deque()
        self._telling = False
        self._same = False  # what was typed has changed nothing yet: typed, and taken away again
        self._timer: Timer | None = None
        self._writing: asyncio.Task[None] | None = None
        self._closed = False
        scope = current_scope()
        if scope is not root:
            scope.add(self)

    # -- reading

    def get(self) -> str:
        """Return the text; tracked."""
        return self._text.get()

    __call__ = get

    @property
    def value(self) -> str:
        """The text; tracked."""
        return self._text.get()

    def peek(self) -> str:
        """Return the text; untracked."""
        return self._text.peek()

    def __len__(self) -> int:
        return len(self._document)

    @property
    def pending(self) -> bool:
        """Whether something that was typed isn't in the database yet; tracked."""
        return self._pending.get()

    @property
    def gone(self) -> bool:
        """Whether the row is gone: what is typed then is written nowhere; tracked."""
        return self._gone.get()

    @property
    def error(self) -> EddylineError | None:
        """Why what was typed could not be written, until it can; tracked."""
        return self._error.get()

    def subscribe(self, callback: OnTextChange, *, source: object = None) -> Callable[[], None]:
        """Call `callback(changes)` after each change of the text; return what ends that.

        With `source`, not after those that were made with it. Of several changes each holds after those before it.
        """
        token = object()
        self._subscribers[token] = (callback, source)
        return lambda: self._subscribers.pop(token, None) and None

    def sticky(self, index: int, *, after: bool = True) -> bytes:
        """Return a position that stays at its code point through every change, for cursors: bytes of Yjs."""
        return self._document.sticky(index, after=after)

    def index_of(self, sticky: bytes) -> int | None:
        """Return where a sticky position is now, None if what it stands at isn't here yet."""
        return self._document.index_of(sticky)

    # -- as a document of Yjs: for those who keep one of their own

    @property
    def document(self) -> tuple[int, int]:
        """Which document this is: the row's life, and the epoch within it; tracked. Copies of two don't merge."""
        return self._which.get()

    def state_vector(self) -> bytes:
        """Return how far each client's edits are here."""
        return self._document.state_vector()

    def update_since(self, state_vector: bytes | None = None) -> bytes:
        """Return all that a copy with `state_vector` lacks; of None, everything. Raises `MalformedUpdateError`."""
        return self._document.update_since(state_vector)

    def take(self, update: bytes, *, source: object = None) -> None:
        """Take in an update of a copy, and have it written as if it was typed here. Raises `MalformedUpdateError`."""
        self._check_open()
        before = self._document.state_vector()
        changes = self._document.apply(update)
        if changes or self._document.state_vector() != before:
            self._made(update, changes, source)

    # -- typing

    def insert(self, index: int, text: str, *, source: object = None) -> None:
        """Put `text` before the code point at `index`."""
        self.edit([TextChange(index, 0, text)], source=source)

    def delete(self, start: int, end: int, *, source: object = None) -> None:
        """Take the code points from `start` to before `end` out."""
        start = max(start, 0)
        self.edit([TextChange(start, end - start, "")], source=source)

    def replace(self, start: int, end: int, text: str, *, source: object = None) -> None:
        """Put `text` in the place of the code points from `start` to before `end`."""
        start = max(start, 0)
        self.edit([TextChange(start, end - start, text)], source=source)

    def set(self, text: str, *, source: object = None) -> None:
        """Make the text `text`, by few short edits: what others type elsewhere in it stays."""
        self.edit(edits_between(str(self._document), text), source=source)

    def edit(self, changes: Sequence[TextChange], *, source: object = None) -> None:
        """Make `changes`, one after the other: one step of undo. Raises `ParameterError` for what is no text."""
        self._check_open()
        length, made = len(self._document), list[TextChange]()
        for change in changes:
            start, removed = clamp(change.start, change.removed, length)
            if removed or change.inserted:
                made.append(TextChange(start, removed, change.inserted))
                length += len(change.inserted) - removed
        update = self._document.edit(made)
        if update:
            self._made(update, tuple(made), source)

    def undo(self, *, source: object = None) -> bool:
        """Take back the last step that was typed here, not what others have; False if there is none."""
        return self._back(self._document.undo, source)

    def redo(self, *, source: object = None) -> bool:
        """Make the last step that was taken back again; False if there is none."""
        return self._back(self._document.redo, source)

    def end_step(self) -> None:
        """Let the next edit begin a new step of undo, however soon it comes."""
        self._document.end_step()

    def _back(self, work: Callable[[], Undone | None], source: object) -> bool:
        self._check_open()
        undone = work()
        if undone is not None:
            self._made(undone.update, undone.changes, source)
        return undone is not None

    def _made(self, update: bytes, changes: tuple[TextChange, ...], source: object) -> None:
        """Show what was typed, and have it written when its window ends."""
        self._typed.append(update)
        self._same = False
        self._wait(self._window_s)
        self._show(changes, source)

    # -- writing

    async def flush(self) -> None:
        """Write what was typed now, and wait until it is in the database. Raises what refuses it."""
        self._stop_waiting()
        while self._writing is not None or (self._typed and not self._same):
            if self._writing is None:
                self._begin_writing()
            assert self._writing is not None, "it has begun"
            await asyncio.shield(self._writing)
            error = self._error.peek()
            if error is not None:
                raise error

    def close(self) -> None:
        """Write what was typed, and follow the text no more; it stays readable. `await flush()` before, to be sure."""
        if self._closed:
            return
        self._stop_waiting()
        self._closed = True
        if self._typed and self._writing is None:
            self._begin_writing()
        self._home.leave(self)
        self._subscribers.clear()

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._closed

    def _wait(self, seconds: float) -> None:
        if self._timer is None and self._writing is None and not self._closed:
            self._timer = self._clock.call_later(seconds, self._due)

    def _due(self) -> None:
        self._timer = None
        if self._writing is None:
            self._begin_writing()

    def _stop_waiting(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _begin_writing(self) -> None:
        self._writing = root.run(lambda: self._spawn(self._write()))

    async def _write(self) -> None:
        """Write what was typed; once closed until nothing is left. What is refused stays, and `error` says why."""
        pause_s: float | None = self._window_s
        try:
            while self._typed and not self._same:
                try:
                    await self._write_once()
                except EddylineError as error:
                    pause_s = _LOCKED_PAUSE_S if isinstance(error, LockedError) else None
                    self._error.set(error)
                    if self._closed:
                        raise
                    return
                self._error.set(None)
                if not self._closed:
                    return
        finally:
            self._writing = None
            self._pending.set(bool(self._typed))
            if self._typed and not self._same and pause_s is not None:
                self._wait(pause_s)

    async def _write_once(self) -> None:
        typed, self._typed = self._typed, []
        shown = str(self._document)
        try:
            became = await self._home.write(self._loaded, self._document.merged(typed), self)
        except BaseException:
            self._typed = [*typed, *self._typed]
            raise
        if became == "kept":
            self._written = shown
            return
        self._typed = [*typed, *self._typed]  # with what is typed next, or into another document
        if became == "same":
            self._same = True
        else:
            await self._load_anew()

    # -- what others do

    def holds(self, incarnation: int, epoch: int) -> bool:
        """Say whether this is that document of the row's column."""
        return (self._loaded.incarnation, self._loaded.epoch) == (incarnation, epoch)

    def hear(self, update: bytes) -> None:
        """Take in an update of others."""
        self._show(self._document.apply(update), None)
        self._note_written()

    async def look(self) -> None:
        """Read the text anew: nothing says how it has changed."""
        if not self._closed:
            await self._load_anew()

    async def _load_anew(self) -> None:
        """Go on with the document that is there now; what was typed and isn't written is typed into it, if need be."""
        loaded = await self._home.load()
        self._gone.set(not loaded.incarnation)
        if loaded.incarnation:
            before = str(self._document)
            if not self._goes_on(loaded):
                self._begin_anew(loaded, before)
            self._show(edits_between(before, str(self._document)), None)
            self._note_written()

    def _goes_on(self, loaded: Loaded) -> bool:
        """Take in `loaded`; say whether what is shown then is that and what was typed, and nothing else."""
        if (loaded.incarnation, loaded.epoch) != (self._loaded.incarnation, self._loaded.epoch):
            return False
        there = self._opened(loaded)
        try:
            for update in self._typed:
                if lacks(update, read_state_vector(there.state_vector())):
                    return False
                there.apply(update)
            self._document.apply(loaded.state)
            return str(there) == str(self._document)
        finally:
            there.close()

    def _begin_anew(self, loaded: Loaded, before: str) -> None:
        """Type what isn't written yet into another document, at the places where it would be."""
        typed = edits_between(self._written, before) if self._typed else ()
        meanwhile = edits_between(self._written, str(document := self._opened(loaded)))
        self._document.close()
        self._loaded, self._document, self._written, self._same = loaded, document, str(document), False
        moved = [TextChange(map_index(one.start, meanwhile), one.removed, one.inserted) for one in typed]
        update = document.edit(moved)
        self._typed = [update] if update else []
        if self._typed:
            self._wait(self._window_s)

    def _note_written(self) -> None:
        if not self._typed and self._writing is None:
            self._written = str(self._document)

    # -- inside

    def _opened(self, loaded: Loaded) -> TextDocument:
        document = self._home.open()
        document.load([loaded.state])
        return document

    def _show(self, changes: tuple[TextChange, ...], source: object) -> None:
        if changes:
            for token, (callback, own) in self._subscribers.items():
                if source is None or own is not source:
                    self._untold.append((token, callback, changes))
        with batch():
            self._text.set(str(self._document))
            self._pending.set(bool(self._typed) or self._writing is not None)
            self._which.set((self._loaded.incarnation, self._loaded.epoch))
        self._tell()

    def _tell(self) -> None:
        """Tell subscribers what they haven't heard, in order: who hears of a change may edit; who fails stops none."""
        while not self._telling and self._untold:
            token, callback, changes = self._untold.popleft()
            if token not in self._subscribers:
                continue
            self._telling = True
            try:
                callback(changes)
            except BaseException:
                self._telling = False
                self._tell()
                raise
            self._telling = False

    def _check_open(self) -> None:
        if self._closed:
            raise ClosedError("this text is closed; open it again: await db.text(row, Model.column)")

    def __repr__(self) -> str:
        return f"<SharedText {self.peek()!r:.40}{': pending' if self._pending.peek() else ''}>"
