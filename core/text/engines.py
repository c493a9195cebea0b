"""Engines: which library carries the documents.

pycrdt    the default: maintained, complete
y-py      documents and exchange, without undo and sticky positions; CPython up to 3.12
yjs       in a browser's Python, where the page has loaded it
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from typing import Literal, TypeAlias

from ..errors import MissingLibraryError, ParameterError
from ..values import shown
from .document import TextDocument
from .edits import genesis_client

__all__ = ["CLIENT_ID_MAX", "EngineName", "best_engine", "genesis", "has_engine", "open_text"]

EngineName: TypeAlias = Literal["pycrdt", "y-py", "yjs"]

CLIENT_ID_MAX = 2**32 - 1


def open_text(
    client_id: int, *, engine: EngineName = "pycrdt", now_ms: Callable[[], int] | None = None
) -> TextDocument:
    """Return an empty document that edits as `client_id`, 0 to 2**32 - 1, which no other document may have.

    `now_ms` is the clock by which edits are grouped to steps of undo. Raises `MissingLibraryError`.
    """
    if type(client_id) is not int or not 0 <= client_id <= CLIENT_ID_MAX:
        raise ParameterError(f"a client id is a number from 0 to {CLIENT_ID_MAX}, not {shown(client_id)}")
    return _kind(engine)(client_id, now_ms or _now_ms)


def genesis(key: str, column: str, incarnation: int, content: str, *, engine: EngineName | None = None) -> bytes:
    """Return the update that is the first content of a text: the same bytes on every replica for the same content."""
    if not content:
        return b""
    document = open_text(genesis_client(key, column, incarnation, content), engine=engine or best_engine())
    try:
        return document.insert(0, content)
    finally:
        document.close()


@cache
def best_engine() -> EngineName:
    """Return the engine that documents of text columns are opened with.

    pycrdt, y-py where only that is installed, yjs in a browser.
    """
    if sys.platform == "emscripten":
        return "yjs"
    return "y-py" if find_spec("pycrdt") is None and find_spec("y_py") is not None else "pycrdt"


def has_engine() -> bool:
    """Say whether the library of an engine is there."""
    if sys.platform == "emscripten":
        from .yjs_document import is_loaded

        return is_loaded()
    return find_spec("pycrdt") is not None or find_spec("y_py") is not None


def _kind(engine: EngineName) -> Callable[[int, Callable[[], int]], TextDocument]:
    try:
        if engine == "pycrdt":
            from .pycrdt_document import PycrdtDocument

            return PycrdtDocument
        if engine == "y-py":
            from .ypy_document import YpyDocument

            return YpyDocument
        if engine == "yjs":
            from .yjs_document import YjsDocument

            return YjsDocument
    except ImportError as error:
        where = (
            "pip install 'eddyline[text]'" if engine != "yjs" else 'name a bundle of it in eddyline.json: {"yjs": ...}'
        )
        raise MissingLibraryError(
            f"collaborative text takes {engine}, which isn't there: {where}", library=engine
        ) from error
    raise ParameterError(f"the text engine is 'pycrdt', 'y-py' or 'yjs', not {shown(engine)}")


def _now_ms() -> int:
    return time.monotonic_ns() // 1_000_000
