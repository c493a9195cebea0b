"""Columns that a model inherits are read where they were declared, not where the model is."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def test_a_module_that_names_nothing_but_the_package_can_declare_models(tmp_path: Path) -> None:
    (tmp_path / "shared.py").write_text(
        "from __future__ import annotations\n"
        "from datetime import date as day\n"
        "import eddyline as e\n"
        "class Dated(e.Model, abstract=True):\n"
        "    due: e.Column[day | None] = e.column(default=None)\n"
    )
    (tmp_path / "program.py").write_text(
        "import eddyline, shared\n"
        "class Issue(shared.Dated):\n"
        "    title: eddyline.Column[str]\n"
        "print([(column.name, column.kind.python) for column in Issue.__table__.columns])\n"
    )
    command = [sys.executable, str(tmp_path / "program.py")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (done.stderr, done.stdout) == ("", "[('id', 'str'), ('due', 'date'), ('title', 'str')]\n")
