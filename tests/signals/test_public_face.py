"""The public face: sorted, complete, and on the standard library alone."""

from __future__ import annotations

import subprocess
import sys

from eddyline import signals


def test_all_is_sorted_and_every_name_exists() -> None:
    assert signals.__all__ == sorted(signals.__all__)
    assert all(hasattr(signals, name) for name in signals.__all__)


LOAD_ALONE = """
import sys
from importlib.util import module_from_spec, spec_from_file_location

folder = sys.argv[1].removesuffix("__init__.py")
spec = spec_from_file_location("alone", sys.argv[1], submodule_search_locations=[folder])
sys.modules["alone"] = module = module_from_spec(spec)
spec.loader.exec_module(module)
assert module.computed(module.signal(3).get)() == 3
print(sorted({"asyncio", "eddyline", "sqlite3", "socket", "sqlglot"} & set(sys.modules)))
"""


def test_signals_alone_load_neither_a_loop_nor_sql_nor_sockets_nor_the_floors_above() -> None:
    assert signals.__file__ is not None
    command = [sys.executable, "-c", LOAD_ALONE, signals.__file__]
    out = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert out.stdout.strip() == "[]"
