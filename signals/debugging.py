"""`debug`: finds plain lists, dicts and sets that are changed in place, which no signal can notice.

    with debug():                              or debug() once, at the start of a program: on until close()
        items = signal(["a"])
        items().append("b")                    MutatedError at the next look, see below

    Signal items holds a list that was changed in place: ['a'] became ['a', 'b'].
    Nobody was told. Use ListSignal, or set a new list.

While it is on, each value is remembered: the plain containers in it, however nested, with a shallow copy of each. A
look compares them, item by item, by identity and then as signals do (equality.py), so that arrays, dataframes and NaN
neither raise nor count. It happens
    before a write to the signal and at each read of it or of the computed,
    at the end of each run, at what was read in it: the culprit is named,
    on the next turn of a running loop after a value was handed out (the error goes to the loop's exception handler),
    at the end of the `with` block, and in `check()`.
A computed that reads a plain container of its closure, or a global one, is looked at, too: if that has changed since,
the function is called once more, and a result that differs is reported.

Each change is reported once: raised, or handed to `report`. A signal with an `equals` of its own is left alone.
Off, it costs nothing: the methods that it replaces on `Signal` and `Computed` are back. On, a read costs what comparing
the value costs; containers that go beyond `ITEMS_MAX` items of one value are passed over.
"""

from __future__ import annotations

import gc
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from operator import is_
from types import TracebackType
from typing import Any, Final, TypeAlias
from weakref import WeakKeyDictionary

from . import loops, nodes
from .closing import Closing
from .computed import Computed
from .equality import same
from .errors import MutatedError
from .functions import check_function
from .naming import label_of, short
from .nodes import CLEAN, Consumer, Node
from .signal import Signal
from .untracked import untracked
from .watching import look_away, look_on

__all__ = ["Debug", "debug"]

ITEMS_MAX: Final = 100_000

Plain: TypeAlias = list[Any] | dict[Any, Any] | set[Any] | deque[Any] | bytearray  # Any: whatever users put in
Held: TypeAlias = Signal[Any] | Computed[Any]
PLAIN: Final = (list, dict, set, deque, bytearray)

ADVICE: Final = {
    "list": "Use ListSignal, or set a new list",
    "deque": "Use ListSignal, or set a new deque",
    "dict": "Use MapSignal, or store() for nested data, or set a new dict",
    "set": "Use SetSignal, or set a new set",
    "bytearray": "Set a new one",
}


class Part:
    """One plain container within a value, as it was."""

    __slots__ = ("items", "now", "where")

    def __init__(self, container: Plain, where: str) -> None:
        self.now = container
        self.where = where
        self.items = _items(container)

    def changed(self) -> bool:
        """Whether it holds other items than it did."""
        items = _items(self.now)
        if len(items) != len(self.items):
            return True
        return not all(map(is_, items, self.items)) and not all(map(same, items, self.items))

    def before(self) -> object:
        """Return it as it was, to be shown."""
        kind, items = _kind(self.now), self.items
        if kind is dict:
            return dict(zip(items[::2], items[1::2], strict=True))
        return deque(items) if kind is deque else kind(items)


def _kind(container: Plain) -> type[Any]:
    """Return the plain class."""
    return next(kind for kind in PLAIN if isinstance(container, kind))


def _items(container: Plain) -> list[Any]:
    """Return what it holds, in a fixed order, past any methods of a subclass."""
    if isinstance(container, dict):
        return [each for pair in dict.items(container) for each in pair]
    if isinstance(container, set):
        return sorted(set.__iter__(container), key=id)
    kind = _kind(container)
    return list(kind.__iter__(container))


def _parts(value: object) -> list[Part]:
    """Return the plain containers in `value`, outermost first; circles are followed once."""
    parts: list[Part] = []
    seen: set[int] = set()
    waiting: deque[tuple[object, str]] = deque([(value, "")])
    room = ITEMS_MAX
    while waiting:
        each, where = waiting.popleft()
        if id(each) in seen or not isinstance(each, (*PLAIN, tuple)) or len(each) > room:
            continue
        seen.add(id(each))
        room -= len(each)
        if not isinstance(each, tuple):
            parts.append(Part(each, where))
        waiting.extend((inner, where + step) for step, inner in _inside(each) if isinstance(inner, (*PLAIN, tuple)))
    return parts


def _inside(container: Plain | tuple[Any, ...]) -> Iterator[tuple[str, object]]:
    """Return what may hold further containers, and how to get there."""
    if isinstance(container, dict):
        return ((f"[{short(key)}]", value) for key, value in dict.items(container))
    if isinstance(container, list | tuple | deque):
        return ((f"[{index}]", value) for index, value in enumerate(container))
    return iter(())


class Memory:
    """A value with its containers as they were."""

    __slots__ = ("parts", "value")

    def __init__(self, value: object) -> None:
        self.value = value
        self.parts = _parts(value)

    def changed(self) -> Part | None:
        """Return the first container that has changed."""
        return next((part for part in self.parts if part.changed()), None)


class Debug(Closing):
    """What `debug()` returns: looks until it is closed."""

    def __init__(self, report: Callable[[MutatedError], object] | None) -> None:
        self._report = report
        self._held: WeakKeyDictionary[Held, Memory] = WeakKeyDictionary()
        self._outside: WeakKeyDictionary[Held, Memory] = WeakKeyDictionary()  # what computeds have read beside signals
        self._handed_out: dict[Held, None] = {}  # since the last turn of the loop
        self._turn: loops.Loop | None = None  # the loop whose next turn has been asked for
        for each in gc.get_objects():
            if issubclass(type(each), Signal | Computed):  # not isinstance(): it asks objects that answer for others
                self._meet(each)
        look_on(self)
        _active.append(self)
        _replace()

    def check(self) -> None:
        """Look at all that was handed out; raise what was found."""
        self._check(list(self._held))

    def close(self) -> None:
        """Look no more."""
        if self in _active:
            _active.remove(self)
            _replace()
            look_away(self)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        super().__exit__(kind, error, trace)
        if error is None:
            self.check()

    def wrote(self, source: Node) -> None:
        """Remember the new value."""
        if isinstance(source, Signal):
            self._remember(source, source._value)

    def ran(self, node: Consumer, because: tuple[Node, ...] | None, value: object, error: BaseException | None) -> None:
        """Look at what was read in the run."""
        if isinstance(node, Computed):
            self._outside[node] = Memory(tuple(_outside(node._fn)))
        if error is None:
            self._check((dep for dep in node._deps if isinstance(dep, Signal | Computed)), during=node)

    def made(self, node: Signal[Any]) -> None:
        """Remember the first value."""
        self._remember(node, node._value)

    def hand_out(self, node: Held, value: object) -> None:
        """Look at a value that is being read."""
        if isinstance(node, Computed):
            self._look_outside(node)
        if node not in self._held or self._held[node].value is not value:
            self._remember(node, value)
        else:
            self._check((node,))
        loop = loops.here()
        if loop is not None and self._held[node].parts:
            self._handed_out[node] = None
            if self._turn is not loop:
                self._turn = loop
                loop.call_soon(self._next_turn)

    def look(self, node: Held) -> None:
        """Look at the value of a signal that is written."""
        self._check((node,))

    def _next_turn(self) -> None:
        self._turn = None
        handed_out, self._handed_out = self._handed_out, {}
        if self in _active:
            self._check(handed_out)

    def _meet(self, node: Held) -> None:
        """Remember what there was before this was on."""
        try:
            if isinstance(node, Signal):
                self._remember(node, node._value)
            elif node._mark.state == CLEAN and node._error is None:
                self._remember(node, node._value)
                self._outside[node] = Memory(tuple(_outside(node._fn)))
        except AttributeError:
            return  # not made wholly yet

    def _remember(self, node: Held, value: object) -> None:
        self._held[node] = Memory(value if node._equals is None else None)

    def _check(self, held: Iterable[Held], during: Consumer | None = None) -> None:
        """Report what has changed in values of `held` since they were remembered."""
        errors: list[MutatedError] = []
        for node in held:
            memory = self._held.get(node)
            part = None if memory is None else memory.changed()
            if memory is not None and part is not None:
                errors.append(_error(node, part, during))
                for other, its in list(self._held.items()):
                    if other is node or any(each.now is part.now for each in its.parts):
                        self._remember(other, its.value)
        self._tell(errors)

    def _look_outside(self, node: Computed[Any]) -> None:
        """Report a computed that has read a plain container which has changed since and makes a difference."""
        memory = self._outside.get(node)
        part = None if memory is None else memory.changed()
        if memory is None or part is None or node._mark.state != CLEAN or node._error is not None:
            return
        try:
            value = untracked(node._fn)
        except Exception:
            return
        finally:
            self._outside[node] = Memory(memory.value)
        if not (node._equals or same)(node._value, value):
            kind = _kind(part.now).__name__
            message = (
                f"Computed {label_of(node)} reads a plain {kind} that was changed since: "
                f"{short(part.before())} became {short(part.now)}. A computed follows signals only. {ADVICE[kind]}"
                f"{' in a signal' if kind in ('list', 'dict', 'set') else ''}."
            )
            self._tell([MutatedError(message, label=label_of(node))])

    def _tell(self, errors: list[MutatedError]) -> None:
        if self._report is not None:
            for error in errors:
                self._report(error)
        elif len(errors) == 1:
            raise errors[0]
        elif errors:
            raise ExceptionGroup(f"{len(errors)} values were changed in place", errors)


def _error(node: Held, part: Part, during: Consumer | None) -> MutatedError:
    """Return the error that says what has changed, who did it if that is known, and what to use."""
    kind, label = _kind(part.now).__name__, label_of(node)
    where = f" at {part.where}" if part.where else ""
    who = "" if during is None else f" while {label_of(during)} ran"
    what = f"holds a {kind}{where} that was changed in place{who}: {short(part.before())} became {short(part.now)}."
    if isinstance(node, Signal):
        advice = ADVICE["dict"] if part.where and kind != "dict" else ADVICE[kind]
        return MutatedError(f"Signal {label} {what} Nobody was told. {advice}.", label=label)
    return MutatedError(f"Computed {label} {what} Its value belongs to it: change a copy.", label=label)


def _outside(fn: Callable[..., object]) -> Iterator[object]:
    """Return the plain containers that `fn` can reach without a signal: of its closure, its arguments, its module."""
    if isinstance(fn, partial):
        yield from (each for each in (*fn.args, *fn.keywords.values()) if isinstance(each, PLAIN))
        yield from _outside(fn.func)
        return
    code = getattr(fn, "__code__", None)
    for cell in getattr(fn, "__closure__", None) or ():
        try:
            found = cell.cell_contents
        except ValueError:  # not assigned yet
            continue
        if isinstance(found, PLAIN):
            yield found
    module = getattr(fn, "__globals__", {})
    for name in getattr(code, "co_names", ()):
        if isinstance(found := module.get(name), PLAIN):
            yield found


_active: list[Debug] = []

_plain: Final = {
    cls: {name: cls.__dict__[name] for name in names}
    for cls, names in {
        Signal: ("__init__", "get", "__call__", "peek", "set", "update"),
        Computed: ("get", "__call__", "peek"),
    }.items()
}


def _replace() -> None:
    """Put methods that look in place of the plain ones, or these back."""
    for cls, methods in _plain.items():
        for name, plain in methods.items():
            looking = _making if name == "__init__" else _writing if name in ("set", "update") else _reading
            setattr(cls, name, looking(plain) if _active else plain)


def _making(plain: Callable[..., None]) -> Callable[..., None]:
    """Return `plain`, which makes a signal, remembering its value."""

    def make(self: Signal[Any], *args: Any, **named: Any) -> None:  # Any: as `plain` has them
        plain(self, *args, **named)
        for each in tuple(_active):
            each.made(self)

    return make


def _reading(plain: Callable[[Held], object]) -> Callable[[Held], object]:
    """Return `plain`, a way to read, looking at what it gives."""

    def read(self: Held) -> object:
        value = plain(self)
        with nodes.lock:
            for each in tuple(_active):
                each.hand_out(self, value)
        return value

    return read


def _writing(plain: Callable[[Held, Any], None]) -> Callable[[Held, Any], None]:
    """Return `plain`, a way to write, looking at the value before and, as `update` may change it, after."""

    def write(self: Held, value: Any) -> None:  # Any: a value or a function
        for each in tuple(_active):
            each.look(self)
        plain(self, value)
        for each in tuple(_active):
            each.look(self)

    return write


def debug(report: Callable[[MutatedError], object] | None = None) -> Debug:
    """Look for plain containers changed in place from now on, until the result is closed.

    Also a context manager. What is found is raised as `MutatedError` where it is noticed, or handed to `report`.
    """
    if report is not None:
        check_function(report, "report=")
    return Debug(report)
