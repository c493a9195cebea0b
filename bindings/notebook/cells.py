"""Cells: what a cell of a notebook makes ends when the cell is run again.

    run cell 7     -> a Scope for it is current: views, effects and widgets made there belong to it
    run cell 7 again -> that Scope closes, a new one is current
    run cell 8     -> its own; those of 7 live on

A Database that was opened in a cell is no part of its Scope: it has its own `close()`. A notebook that
gives no ids of cells has one Scope for equal texts.
"""

from __future__ import annotations

from typing import Any

from ...signals import Scope
from ...signals.scope import current, root
from .magics import HOME, Magics, rewrite

__all__ = ["CellScopes"]


class CellScopes:
    """The Scope of each cell of one shell."""

    def __init__(self, shell: Any) -> None:  # Any: an InteractiveShell, which isn't imported here
        self._shell = shell
        self._scopes: dict[str, Scope] = {}

    def open(self) -> None:
        """Begin to give each cell a Scope, and to read its magics."""
        self._shell.events.register("pre_run_cell", self._begin)
        self._shell.input_transformers_cleanup.append(rewrite)
        self._shell.user_ns[HOME] = Magics(self._shell.user_ns)

    def close(self) -> None:
        """Stop, and close what cells have made."""
        self._shell.events.unregister("pre_run_cell", self._begin)
        self._shell.input_transformers_cleanup.remove(rewrite)
        self._shell.user_ns.pop(HOME, None)
        current.set(root)
        for scope in reversed(self._scopes.values()):
            scope.close()
        self._scopes.clear()

    def _begin(self, info: Any) -> None:  # Any: an ExecutionInfo
        if info.silent:
            return
        name = info.cell_id or str(info.raw_cell)
        before = self._scopes.pop(name, None)
        if before is not None:
            before.close()
        self._scopes[name] = scope = Scope(f"cell {name:.20}", parent=root)
        current.set(scope)
