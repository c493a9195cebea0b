"""What the tests of imports share: a database in a file, a folder for files, Chinook as a foreign file."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from eddyline import Database

CHINOOK = Path(__file__).parents[3].parent / "shared" / "data" / "chinook.sqlite"

Write = Callable[[str, str | bytes], Path]


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[Database]:
    async with Database.open(tmp_path / "target.db", poll_s=0) as opened:
        yield opened


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Return a function that makes a file of a name and a content."""

    def make(name: str, content: str | bytes) -> Path:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return make


@pytest.fixture
def chinook() -> Path:
    if not CHINOOK.exists():
        pytest.skip("Chinook is not here")
    return CHINOOK
