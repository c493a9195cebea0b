"""Models of two modules that import each other for type checkers only."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from eddyline import Database, Model, ModelError

PROJECTS = """
from __future__ import annotations
from typing import TYPE_CHECKING
from eddyline import Column, Model, Ref, ref
if TYPE_CHECKING:
    from apart_issues import Issue

class Project(Model):
    name: Column[str]
    first: Ref[Issue | None] = ref({to}default=None)
"""
ISSUES = """
from __future__ import annotations
from typing import TYPE_CHECKING
from eddyline import Column, Model, Ref, ref
if TYPE_CHECKING:
    from apart_projects import Project

class Issue(Model):
    title: Column[str]
    project: Ref[Project]{ref}
"""


@pytest.fixture
def apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Import both, the reference of Issue told by `ref`."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def load(ref: str = "") -> tuple[Any, Any]:
        (tmp_path / "apart_projects.py").write_text(PROJECTS.replace("{to}", '"apart_issues.Issue", ' if ref else ""))
        (tmp_path / "apart_issues.py").write_text(ISSUES.replace("{ref}", ref))
        return import_module("apart_projects").Project, import_module("apart_issues").Issue

    yield load
    for name in ("apart_projects", "apart_issues"):
        sys.modules.pop(name, None)


async def test_reference_that_leads_nowhere_says_what_to_do(apart: Any) -> None:
    _, issue = apart()
    message = (
        r"^Issue\.project: Project isn't known in apart_issues; if it is imported there for type checkers only, say "
        r'where it is, ref\("its_module\.Project"\), or open the database with both: models=\[Issue, Project\]$'
    )
    with pytest.raises(ModelError, match=message):
        issue.where(issue.project.to.name == "x")
    with pytest.raises(ModelError, match=message):
        issue(title="a", project="p")
    with pytest.raises(ModelError, match=message):
        async with Database.open(":memory:", models=[issue]):
            pass


async def test_models_that_are_opened_together_find_each_other(apart: Any) -> None:
    project, issue = apart()
    async with Database.open(":memory:", models=[issue, project]) as db:
        core = await db.write(lambda tx: tx.add(project(name="Core")))
        slow = await db.write(lambda tx: tx.add(issue(title="Slow", project=core)))
        assert await db.fetch(issue.where(issue.project.to.name == "Core")) == [slow]
        assert await db.fetch(project.where(project.first.to.title == "x")) == []


async def test_two_models_of_one_name_are_not_guessed(apart: Any) -> None:
    project, issue = apart()
    other = type("Project", (Model,), {"__annotations__": {}}, table="other")
    with pytest.raises(ModelError, match=r"^Issue\.project: Project isn't known"):
        async with Database.open(":memory:", models=[issue, project, other]):
            pass


async def test_reference_is_told_where_its_model_is(apart: Any) -> None:
    project, issue = apart(ref=' = ref("apart_projects.Project")')
    assert issue.where(issue.project.to.name == "x").sql.endswith("WHERE project.name = :p1")
    assert issue.project.to.__origin__.model is project


@pytest.mark.parametrize(
    ("told", "message"),
    [
        (
            "nowhere.Project",
            r"^Issue\.project: ref\('nowhere\.Project'\) can't be imported: No module named 'nowhere'$",
        ),
        ("apart_projects.Nobody", r"names no model: apart_projects has no model Nobody$"),
        ("Project", r'^ref takes the place of a model, "app\.projects\.Project", not \'Project\'$'),
    ],
)
def test_place_without_a_model_is_refused(apart: Any, told: str, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        _ = apart(ref=f" = ref({told!r})")[1].project.to
