"""Who ends a binding: the Scope that is current when it is made, or whoever closes it."""

from __future__ import annotations

from collections.abc import Callable

from ...signals import Effect
from ...signals.closing import Closing
from ...signals.scope import current_owner, root

__all__ = ["own"]


def own(binding: Closing, make: Callable[[], Effect]) -> Effect:
    """Return the effect that `make` makes, which `binding` ends; have the current Scope close the binding."""
    owner = current_owner()
    effect = root.run(make)
    if owner is not root:
        owner.add(binding)
    return effect
