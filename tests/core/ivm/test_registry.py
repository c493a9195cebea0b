"""The registry: which programs are in it after notes of several threads."""

from __future__ import annotations

from typing import Any

import pytest

from eddyline.core.changes import Changes
from eddyline.core.ivm.budget import Budget
from eddyline.core.ivm.program import Program
from eddyline.core.ivm.registry import Registry
from eddyline.core.query.asked import Asked


class Receiver:
    def take(self, number: int, outcome: Any) -> None: ...
    def tell(self, outcome: Any) -> None: ...


def a_program() -> Program:
    return Program(Asked("SELECT 1"), (), {}, Receiver(), lambda: 0.0, Budget())


@pytest.fixture
def registry() -> Registry:
    return Registry(lambda message: None)


@pytest.mark.parametrize(("calls", "left"), [("ar", 0), ("ra", 1), ("ara", 1), ("arar", 0)])
def test_the_last_of_arrive_and_retire_counts(registry: Registry, calls: str, left: int) -> None:
    program = a_program()
    for call in calls:
        registry.arrive(program) if call == "a" else registry.retire(program)
    assert len(registry) == left
    assert registry.needs(None) == {}  # type: ignore[arg-type]  # reads the notes; the catalog isn't asked
    assert (len(registry), len(registry._programs)) == (left, left)


def test_a_program_that_arrives_and_retires_while_notes_are_read_is_gone(registry: Registry) -> None:
    program = a_program()

    class Late(Program):
        """Its removal is the moment at which the loop's thread leaves two notes."""

        def __hash__(self) -> int:
            if not late:
                late.append(True)
                registry.arrive(program)
                registry.retire(program)
            return 1

    late: list[bool] = []
    registry.retire(Late(Asked("SELECT 1"), (), {}, Receiver(), lambda: 0.0, Budget()))
    for _ in range(2):
        registry.step(None, Changes())  # type: ignore[arg-type]  # no program is left to be stepped
    assert late == [True]
    assert len(registry) == 0
