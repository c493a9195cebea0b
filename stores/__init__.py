"""Durable homes of a database, each behind the protocol of `core/store.py`, each importing its driver lazily."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from ..core.store import Store

__all__ = ["Durability", "open_store"]

Durability: TypeAlias = Literal["off", "normal", "full", "extra"]


async def open_store(
    path: str | Path, *, readonly: bool, durability: Durability | None, foreign_keys: bool, create: bool
) -> Store:
    """Open the store that fits this platform and `path`."""
    if sys.platform == "emscripten":  # no threads there
        from .kept import KeptStore, is_kept
        from .pyodide import LoopStore

        kind = KeptStore if is_kept(str(path)) else LoopStore
        return await kind.open(path, readonly=readonly, durability=durability, foreign_keys=foreign_keys, create=create)
    from .sqlite import SqliteStore

    return await SqliteStore.open(
        path, readonly=readonly, durability=durability, foreign_keys=foreign_keys, create=create
    )
