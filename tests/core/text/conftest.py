"""Documents of each engine, and of a real Yjs."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

import pytest

from eddyline.core.text.document import TextDocument
from eddyline.core.text.engines import open_text

from .yjs import Yjs

Make: TypeAlias = Callable[[int], TextDocument]

HAS_YPY = importlib.util.find_spec("y_py") is not None


class Ticks:
    """A clock on which every look is a second later: each edit is a step of undo of its own."""

    def __init__(self) -> None:
        self.now_ms = 0

    def __call__(self) -> int:
        self.now_ms += 1000
        return self.now_ms


@pytest.fixture(scope="session")
def yjs(node_packages: Callable[..., Path]) -> Iterator[Yjs]:
    """A real Yjs."""
    process = Yjs(node_packages("yjs@13.6.27"))
    yield process
    process.close()


@pytest.fixture
def makers(request: pytest.FixtureRequest) -> dict[str, Make]:
    """How to make a document, by engine."""
    return {name: maker(name, request) for name in ("pycrdt", "y-py", "yjs") if name != "y-py" or HAS_YPY}


def maker(name: str, request: pytest.FixtureRequest) -> Make:
    if name == "yjs":
        process: Yjs = request.getfixturevalue("yjs")
        return process.open
    if name == "y-py" and not HAS_YPY:
        pytest.skip("y-py has no wheel for this Python")
    return lambda client_id: open_text(client_id, engine=name, now_ms=Ticks())  # type: ignore[arg-type]  # one of them


@pytest.fixture(params=["pycrdt", "y-py", "yjs"])
def make(request: pytest.FixtureRequest) -> Make:
    """How to make a document, for each engine in turn."""
    return maker(request.param, request)


@pytest.fixture(params=["pycrdt", "yjs"])
def make_whole(request: pytest.FixtureRequest) -> Make:
    """The same for the engines with undo and sticky positions."""
    return maker(request.param, request)
