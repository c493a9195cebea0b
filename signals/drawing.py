"""`graph`: draw what depends on what, as it is now, as text or for Graphviz.

    print(graph(full))                           print(graph(full, format="dot"))       dot -Tsvg > graph.svg

    Computed full: 'Ada Lovelace'                digraph signals {
      <- Signal first: 'Ada'                       rankdir=LR;
      <- Signal last: 'Lovelace'                   n1 [label="full\\n'Ada Lovelace'", shape=box];
      -> Computed shout: 'ADA LOVELACE'            n2 [label="first\\n'Ada'", shape=ellipse];
        -> Effect log                              ...
                                                   n2 -> n1;

`<-` is read by the line that it is indented under, in the order of its reads; `->` reads it, in the order in which it
came to do so. A node that has stood above with what belongs to it is drawn as one line with `(above)`.
What nobody holds any more is gone from the graph, and what has never run reads nothing yet: drawing runs nothing.

    Effect paint                                 Effect log
      <- current == 'a'                            <- todo[0]
        <- Signal current: 'a'                       <- <ListSignal todo: ['milk']>

A key of a selector and the parts of a collection (an index, a key, the length) are points of the graph that hang on
the signal, or the collection, itself: they are drawn between it and who follows them. What is made of several points
(`linked`, `selector`, `resource`, `debounced`) is drawn from the one that its readers read.

A mark doesn't know its computed, nor a part its collection (nodes.py: nothing upstream keeps a reader alive), so the
way asks the garbage collector for all there are: fine for a look, not for a loop.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable
from typing import Literal, Protocol, TypeAlias

from .effect import Effect
from .entries import Entries
from .list_signal import ListSignal
from .listed import Listed
from .naming import label_of, short
from .nodes import CLEAN, Mark, Node
from .pull import Derived
from .selector import KeySource, SelectorMark
from .source import Source

__all__ = ["Drawable", "graph"]

Point: TypeAlias = Node | Effect
Next: TypeAlias = Callable[[Point], Iterable[Point]]


class Drawn(Protocol):
    """What is made of several points of the graph."""

    @property
    def _node(self) -> Node:
        """The point that its readers read."""


Drawable: TypeAlias = Point | Drawn


def graph(*roots: Drawable, format: Literal["text", "dot"] = "text") -> str:
    """Return a drawing of `roots`, of all that they depend on and of all that depends on them."""
    points = list(dict.fromkeys(map(_point, roots)))
    look = _Look()
    if format == "dot":
        return _dot(points, look)
    if format != "text":
        raise ValueError(f'format is "text" or "dot", not {format!r}')
    lines: list[str] = []
    above: set[tuple[str, Point]] = set()
    for root in points:
        lines.append(look.line(root))
        _tree(lines, above, root, "<-", look.up, look)
        _tree(lines, above, root, "->", look.down, look)
    return "\n".join(lines)


def _point(root: Drawable) -> Point:
    """Return the point of the graph at which to begin."""
    point = root if isinstance(root, Node | Effect) else getattr(root, "_node", None)
    if not isinstance(point, Node | Effect):
        raise TypeError(f"graph() draws signals, computeds, effects and what is made of them, not {short(root)}")
    return point


class _Look:
    """Who reads whom, as it is now: one look at all computeds and collections there are."""

    def __init__(self) -> None:
        self.computeds: dict[Mark, Derived] = {}
        self.parts: dict[Node, tuple[Node, str]] = {}  # part -> (its collection, what it is called)
        for each in gc.get_objects():
            kind = type(each)  # not isinstance(): it asks objects that answer for others
            if issubclass(kind, Derived):
                self.computeds[each._mark] = each
            elif issubclass(kind, ListSignal | Entries):
                self.parts.update((part, (each, label)) for part, label in each._parts(label_of(each)))

    def up(self, node: Point) -> Iterable[Point]:
        """Return what `node` read in its last run, in order."""
        if node in self.parts:
            return (self.parts[node][0],)
        if isinstance(node, KeySource):
            return (node._selector._of,)
        return node._reads() if isinstance(node, Derived) else node._deps if isinstance(node, Effect) else ()

    def down(self, node: Point) -> list[Point]:
        """Return what reads `node`, in the order in which it came to do so."""
        found: list[Point | None] = []
        for mark in list(node._subs or ()) if isinstance(node, Node) else ():
            if isinstance(mark, SelectorMark):
                found += [key for key in mark._keys.values() if key.watched]
            else:
                effect = mark.effect
                found.append(effect if isinstance(effect, Effect) else self.computeds.get(mark))
        found += [part for part, (whole, _) in self.parts.items() if whole is node and part._subs]
        return [each for each in found if each is not None]

    def label(self, node: Point) -> str:
        """Return what a point is called."""
        if node in self.parts:
            return self.parts[node][1]
        if isinstance(node, KeySource):
            key = next((key for key, each in node._selector._keys.items() if each is node), None)
            return f"{label_of(node._selector._of)} == {short(key)}"
        return label_of(node)

    def line(self, node: Point) -> str:
        """Return kind, name and state; for a source of another kind what its own `repr` shows."""
        label = self.label(node)
        if not isinstance(node, Effect | Derived) and not hasattr(node, "_value"):
            return label if type(node).__repr__ is Source.__repr__ else short(node)
        kind, state = "Effect" if isinstance(node, Effect) else type(node).__name__, _state(node)
        return f"{kind}{'' if label == kind else f' {label}'}{f': {state}' if state else ''}"


def _tree(lines: list[str], above: set[tuple[str, Point]], root: Point, arrow: str, follow: Next, look: _Look) -> None:
    """Append what `follow` finds from `root`, depth first, each under what it was found from."""
    above.add((arrow, root))
    waiting = [(each, 1) for each in reversed(list(follow(root)))]
    while waiting:
        node, depth = waiting.pop()
        further = list(follow(node))
        again = bool(further) and (arrow, node) in above
        lines.append(f"{'  ' * depth}{arrow} {look.line(node)}{' (above)' if again else ''}")
        if not again:
            above.add((arrow, node))
            waiting.extend((each, depth + 1) for each in reversed(further))


def _state(node: Point) -> str:
    """Return the value, or why there is none."""
    if isinstance(node, Effect):
        return "closed" if node._closed else "" if node._mark.state == CLEAN else "woken"
    if isinstance(node, Derived):
        if node._mark.state != CLEAN:
            return "stale" if node._ran else "not computed"
        if node._error is not None:
            return short(node._error[0])
        return node._shown() if isinstance(node, Listed) else short(node._value)
    return short(node._value) if hasattr(node, "_value") else ""


def _dot(roots: list[Point], look: _Look) -> str:
    """Return a digraph; nodes are numbered in the order in which they are found, up first."""
    found: dict[Point, int] = {}
    for follow in (look.up, look.down):
        seen: set[Point] = set()
        waiting = list(roots)
        for node in waiting:  # grows while it is walked
            if node not in seen:
                seen.add(node)
                found.setdefault(node, len(found) + 1)
                waiting.extend(follow(node))
    lines = ["digraph signals {", "  rankdir=LR;"]
    for node, number in found.items():
        text = "\n".join(filter(None, (look.label(node), _state(node))))
        lines.append(f'  n{number} [label="{_escaped(text)}", shape={_shape(node)}];')
    for node, number in found.items():
        lines.extend(f"  n{found[dep]} -> n{number};" for dep in look.up(node) if dep in found)
    return "\n".join([*lines, "}"])


def _escaped(text: str) -> str:
    """Return `text` as it stands between Graphviz's quotes."""
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _shape(node: Point) -> str:
    """Return the shape that tells the kinds apart."""
    return "box" if isinstance(node, Derived) else "cds" if isinstance(node, Effect) else "ellipse"
