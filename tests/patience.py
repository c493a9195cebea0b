"""How long a test waits for what must come: only one that waits in vain ever hears of it, however slow the machine."""

from __future__ import annotations

from typing import Final

__all__ = ["PATIENCE_S"]

PATIENCE_S: Final = 90.0
