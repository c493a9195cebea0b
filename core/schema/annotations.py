"""Annotations of a class body, read as types wherever the class was declared.

    class Issue(Model):                 "Ref[Project]"  -->  Ref[Project]
        project: Ref[Project]           looked up in: the module, the functions around the class, its siblings

Inside a function a name may be a local of it, and a class may refer to one that is declared after it. So names are
looked up when the class is made, and what isn't there yet is looked up again when the type is first needed, among the
models of the same place.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Mapping
from types import FrameType
from typing import Any, ForwardRef, get_args, get_origin

from ..errors import ModelError

__all__ = ["Place", "annotations_of", "place_of"]


_WORD = re.compile(r"[^\W\d]\w*")


class Place:
    """Where a class was declared: the global names there, and the locals of the functions around it."""

    _siblings: dict[tuple[str, str], dict[str, type]] = {}  # noqa: RUF012  # the models of each function, by name

    def __init__(self, cls: type, around: dict[str, Any], names: Mapping[str, Any]) -> None:
        self._around, self._names = around, names
        scope = cls.__qualname__.rpartition(".")[0]
        self._here = self._siblings.setdefault((cls.__module__, scope), {}) if scope else {}
        self._here[cls.__name__] = cls
        self._met: dict[str, type] = {}

    def meet(self, models: Mapping[str, type]) -> None:
        """Take `models` for names that aren't there: those that are imported for type checkers only."""
        self._met |= models

    def read(self, hint: Any) -> Any:  # Any: an annotation, or the type that it stands for
        """Return the type that `hint` stands for. Raises `NameError` for what isn't there yet."""
        if isinstance(hint, ForwardRef):
            hint = hint.__forward_arg__
        if not isinstance(hint, str):
            return hint
        met = {name: model for name, model in self._met.items() if name not in self._around}
        return eval(hint, self._around, {**met, **self._here, **self._names})

    def known(self, hint: Any) -> Any:  # Any: as above
        """Return the type that `hint` stands for here, or `hint` itself while a name of it isn't there yet."""
        try:
            return self.read(hint)
        except NameError:
            return hint

    def read_inside(self, hint: Any) -> Any:  # Any: as above
        """Return the type inside `Column[...]` or `Ref[...]`, its own quotes resolved."""
        args = get_args(self.read(hint))
        if len(args) != 1:
            raise ModelError(f"{hint} says no type; write Column[str], Ref[Project] or Text")
        return self.read(args[0])

    def origin(self, hint: Any) -> Any:  # Any: as above
        """Return the class before the brackets, without looking at what is inside them."""
        if isinstance(hint, str):
            hint = self.read(hint.partition("[")[0].strip())
        return get_origin(hint) or hint


def annotations_of(cls: type) -> dict[str, Any]:  # Any: types, or texts of types
    """Return what the class body itself annotates, unresolved."""
    if sys.version_info >= (3, 14):
        import annotationlib

        return dict(annotationlib.get_annotations(cls, format=annotationlib.Format.FORWARDREF))
    return inspect.get_annotations(cls)


def place_of(cls: type, frame: FrameType) -> Place:
    """Return where `cls` is being declared; `frame` runs its class statement."""
    names: dict[str, Any] = {}
    wanted = {word for hint in annotations_of(cls).values() for word in _WORD.findall(str(hint))}
    scope = cls.__qualname__.rpartition(".")[0].removesuffix(".<locals>")
    at: FrameType | None = frame
    while at is not None and scope:
        if at.f_code.co_qualname == scope:
            names = {name: value for name, value in at.f_locals.items() if name in wanted} | names
            scope = scope.rpartition(".<locals>.")[0]
        at = at.f_back
    return Place(cls, frame.f_globals, names)
