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

A mark doesn't know its computed (nodes.py: nothing upstream keeps it alive), so the way down asks the garbage collector
for all computeds there are: fine for a look, not for a loop.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable
from typing import Literal, TypeAlias

from .effect import Effect
from .naming import label_of, short
from .nodes import CLEAN, Mark, Node
from .pull import Derived
from .source import Source

__all__ = ["Drawable", "graph"]

Drawable: TypeAlias = Node | Effect
Next: TypeAlias = Callable[[Drawable], Iterable[Drawable]]


def graph(*roots: Drawable, format: Literal["text", "dot"] = "text") -> str:
    """Return a drawing of `roots`, of all that they depend on and of all that depends on them."""
    down = _subscribers()
    if format == "dot":
        return _dot(roots, down)
    if format != "text":
        raise ValueError(f'format is "text" or "dot", not {format!r}')
    lines: list[str] = []
    above: set[tuple[str, Drawable]] = set()
    for root in dict.fromkeys(roots):
        lines.append(_line(root))
        _tree(lines, above, root, "<-", _dependencies)
        _tree(lines, above, root, "->", down)
    return "\n".join(lines)


def _dependencies(node: Drawable) -> tuple[Node, ...]:
    """Return what `node` read in its last run, in order."""
    return node._deps if isinstance(node, Derived | Effect) else ()


def _subscribers() -> Next:
    """Return a function that gives what reads a node."""
    computeds: dict[Mark, Derived] = {}
    for each in gc.get_objects():
        if issubclass(type(each), Derived):  # not isinstance(): it asks objects that answer for others
            computeds[each._mark] = each

    def down(node: Drawable) -> list[Drawable]:
        subs = node._subs if isinstance(node, Node) else None
        found = (mark.effect or computeds.get(mark) for mark in list(subs or ()))
        return [each for each in found if isinstance(each, Derived | Effect)]

    return down


def _tree(lines: list[str], above: set[tuple[str, Drawable]], root: Drawable, arrow: str, follow: Next) -> None:
    """Append what `follow` finds from `root`, depth first, each under what it was found from."""
    above.add((arrow, root))
    waiting = [(each, 1) for each in reversed(list(follow(root)))]
    while waiting:
        node, depth = waiting.pop()
        further = list(follow(node))
        again = bool(further) and (arrow, node) in above
        lines.append(f"{'  ' * depth}{arrow} {_line(node)}{' (above)' if again else ''}")
        if not again:
            above.add((arrow, node))
            waiting.extend((each, depth + 1) for each in reversed(further))


def _line(node: Drawable) -> str:
    """Return kind, name and state; for a source of another kind what its own `repr` shows."""
    if not isinstance(node, Effect | Derived) and not hasattr(node, "_value"):
        return label_of(node) if type(node).__repr__ is Source.__repr__ else short(node)
    kind, label, state = "Effect" if isinstance(node, Effect) else type(node).__name__, label_of(node), _state(node)
    return f"{kind}{'' if label == kind else f' {label}'}{f': {state}' if state else ''}"


def _state(node: Drawable) -> str:
    """Return the value, or why there is none."""
    if isinstance(node, Effect):
        return "closed" if node._closed else "" if node._mark.state == CLEAN else "woken"
    if isinstance(node, Derived):
        if node._mark.state != CLEAN:
            return "stale" if node._ran else "not computed"
        return short(node._value if node._error is None else node._error[0])
    return short(node._value) if hasattr(node, "_value") else ""


def _dot(roots: Iterable[Drawable], down: Next) -> str:
    """Return a digraph; nodes are numbered in the order in which they are found, up first."""
    found: dict[Drawable, int] = {}
    for follow in (_dependencies, down):
        seen: set[Drawable] = set()
        waiting = list(dict.fromkeys(roots))
        for node in waiting:  # grows while it is walked
            if node not in seen:
                seen.add(node)
                found.setdefault(node, len(found) + 1)
                waiting.extend(follow(node))
    lines = ["digraph signals {", "  rankdir=LR;"]
    for node, number in found.items():
        text = "\n".join(filter(None, (label_of(node), _state(node))))
        lines.append(f'  n{number} [label="{_escaped(text)}", shape={_shape(node)}];')
    for node, number in found.items():
        lines.extend(f"  n{found[dep]} -> n{number};" for dep in _dependencies(node) if dep in found)
    return "\n".join([*lines, "}"])


def _escaped(text: str) -> str:
    """Return `text` as it stands between Graphviz's quotes."""
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _shape(node: Drawable) -> str:
    """Return the shape that tells the kinds apart."""
    return "box" if isinstance(node, Derived) else "cds" if isinstance(node, Effect) else "ellipse"
