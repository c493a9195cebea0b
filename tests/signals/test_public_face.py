"""The public face: sorted, complete, and on the standard library alone."""

from __future__ import annotations

import subprocess
import sys

from eddyline import signals


def test_all_is_sorted_and_every_name_exists() -> None:
    assert signals.__all__ == sorted(signals.__all__)
    assert all(hasattr(signals, name) for name in signals.__all__)


def test_import_loads_neither_asyncio_nor_sql_nor_sockets() -> None:
    code = "import sys, eddyline.signals; print(sorted({'asyncio', 'sqlite3', 'socket', 'sqlglot'} & set(sys.modules)))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert out.stdout.strip() == "[]"
