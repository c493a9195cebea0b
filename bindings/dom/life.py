"""Who ends a binding: the Scope that is current when it is made, or whoever closes it."""

from __future__ import annotations

from collections.abc import Callable

from ...signals import Effect
from ...signals.closing import Closing
from ...signals.scope import current_owner, root

__all__ = ["belong", "own"]


def belong(binding: Closing) -> None:
    """Have the current Scope close `binding`."""
    owner = current_owner()
    if owner is not root:
        owner.add(binding)


def own(binding: Closing, make: Callable[[], Effect]) -> Effect:
    """Return the effect that `make` makes, which `binding` ends; have the current Scope close the binding."""
    effect = root.run(make)
    belong(binding)
    return effect
