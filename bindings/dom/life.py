"""Who ends a binding: the Scope that is current when it is made, or whoever closes it."""

from __future__ import annotations

from ...signals.closing import Closing
from ...signals.scope import current_owner, root

__all__ = ["belong"]


def belong(binding: Closing) -> None:
    """Have the current Scope close `binding`, which is complete; one that is closed does so now, and raises."""
    owner = current_owner()
    if owner is not root:
        owner.add(binding)
