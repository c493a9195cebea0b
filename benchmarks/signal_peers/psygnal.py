"""psygnal: callbacks, compiled by mypyc. It knows neither values nor dependencies: an emit to one callback, no more."""

from collections.abc import Callable

from psygnal import SignalInstance

__all__ = ["ONLY"]


def write_one_effect() -> tuple[Callable[[int], None], Callable[[int], bool]]:
    """Emit to one callback that notes the value."""
    changed, seen = SignalInstance((int,)), [0]

    def note(value: int) -> None:
        seen[0] = value

    changed.connect(note)

    def step(i: int) -> None:
        changed.emit(i)

    return step, lambda i: seen[0] == i


ONLY = {"write, 1 effect": write_one_effect}
