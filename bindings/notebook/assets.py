"""Assets: the files of JavaScript and CSS beside this one, as text. They are written by hand and need no build."""

from __future__ import annotations

from importlib.resources import files

__all__ = ["asset"]


def asset(*names: str) -> str:
    """Return the files called `names`, one after the other: modules that know each other's names."""
    folder = files(__package__)
    return "\n".join((folder / name).read_text(encoding="utf-8") for name in names)
