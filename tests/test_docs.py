"""Docs: every python block of README.md and docs/ runs, and prints what the page says it prints.

    ```python          a program of its own, in a fresh process and an empty folder; `await` may stand at the top
    ```text, ```output the next block of the same section: exactly what the program above prints

A comment right above a block speaks about it: `<!-- not run: reason -->` leaves it out, and `<!-- before: code -->`, on
one line or several, holds code to run first that the reader needn't see. Tracebacks point into the page.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGES = [page for page in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))] if page.exists()]

PIECE = re.compile(
    r"^(?P<fence>```+)(?P<lang>[\w-]*)[^\n]*\n(?P<text>.*?)^(?P=fence)[ ]*$"
    r"|^<!--(?P<comment>.*?)-->[ ]*$"
    r"|^(?P<heading>\#+[ ][^\n]*)$",
    re.MULTILINE | re.DOTALL,
)

RUNNER = """
import ast, asyncio, inspect, sys
page, line, before = sys.argv[1], int(sys.argv[2]), sys.argv[3]
names = {"__name__": "__main__"}
texts = [(before, "<before>"), ("\\n" * line + sys.stdin.read(), page)]
codes = [compile(text, file, "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT) for text, file in texts]
async def main():
    for code in codes:
        result = eval(code, names)
        if inspect.iscoroutine(result):
            await result
if any(code.co_flags & inspect.CO_COROUTINE for code in codes):
    asyncio.run(main())
else:
    for code in codes:
        exec(code, names)
"""


@dataclass(frozen=True, slots=True)
class Example:
    """A python block: its place, its code, what it prints if the page says so, and the comment right above it."""

    page: str
    line: int  # of the opening fence
    code: str
    output: str | None
    comment: str

    @property
    def not_run(self) -> str | None:
        """The reason not to run it, empty where the mark gives none; None when it runs."""
        mark = re.match(r"not run\b:?(.*)", self.comment, re.DOTALL)
        return mark[1].strip() if mark else None

    @property
    def before(self) -> str:
        return self.comment.removeprefix("before:").strip() if self.comment.startswith("before:") else ""


def examples(page: str, text: str) -> list[Example]:
    """Return the python blocks of a page, in order."""
    pieces = list(PIECE.finditer(text))
    found = []
    for before, piece, after in zip([None, *pieces], pieces, [*pieces[1:], None], strict=False):
        if piece["lang"] != "python":
            continue
        above = before and before["comment"] and not text[before.end() : piece.start()].strip() and before["comment"]
        prints = after and after["lang"] in ("text", "output") and after["text"]
        line = text.count("\n", 0, piece.start()) + 1
        found.append(Example(page, line, piece["text"], prints or None, (above or "").strip()))
    return found


def run(example: Example, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run an example as its reader would, with a home and a working folder of its own; warnings are errors."""
    home = {"HOME": str(folder), "XDG_DATA_HOME": str(folder / "data"), "PYTHONIOENCODING": "utf-8"}
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", RUNNER, str(ROOT / example.page), str(example.line), example.before],
        cwd=folder,
        env={**os.environ, **home},
        input=example.code,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
        timeout=120,
    )


def trouble(example: Example, folder: Path) -> str:
    """Return what is wrong with an example, or nothing."""
    if example.not_run is not None:
        return "" if example.not_run else "a block that is not run says why: <!-- not run: reason -->"
    done = run(example, folder)
    if done.returncode:
        return done.stderr
    if example.output is not None and done.stdout.rstrip() != example.output.rstrip():
        return f"the page says it prints\n{example.output}\nbut it prints\n{done.stdout}"
    return ""


ALL = [example for page in PAGES for example in examples(page.relative_to(ROOT).as_posix(), page.read_text("utf-8"))]


@pytest.mark.parametrize("example", ALL, ids=lambda example: f"{example.page}:{example.line}")
def test_example_runs_and_prints_what_the_page_says(example: Example, tmp_path: Path) -> None:
    assert trouble(example, tmp_path) == ""


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_of_a_page_lead_to_files_that_are_there(page: Path) -> None:
    text = re.sub(r"^(```+).*?^\1", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    links = [link.partition("#")[0] for link in re.findall(r"\]\(([^)\s]+)\)", text)]
    assert [link for link in links if link and "://" not in link and not (page.parent / link).exists()] == []


def one(text: str) -> Example:
    (example,) = examples("page.md", text)
    return example


def test_blocks_are_found_with_line_output_and_comment() -> None:
    text = "# A\n\n<!-- before: x = 1 -->\n```python\nprint(x)\n```\nprints\n\n```text\n1\n```\n```python\npass\n```\n"
    assert examples("page.md", text) == [
        Example("page.md", 4, "print(x)\n", "1\n", "before: x = 1"),
        Example("page.md", 12, "pass\n", None, ""),
    ]


def test_output_block_behind_a_heading_belongs_to_another_section() -> None:
    assert one("```python\npass\n```\n## B\n```text\n1\n```\n").output is None


def test_output_that_differs_is_found(tmp_path: Path) -> None:
    found = trouble(one("```python\nprint(1 + 1)\n```\n```output\n3\n```\n"), tmp_path)
    assert found == "the page says it prints\n3\n\nbut it prints\n2\n"


def test_await_at_the_top_and_hidden_code_before_it_run_in_one_loop(tmp_path: Path) -> None:
    before = "<!-- before:\nimport asyncio\nloop = asyncio.get_running_loop()\n-->\n"
    block = "```python\nawait asyncio.sleep(0)\nprint(loop is asyncio.get_running_loop())\n```\n```text\nTrue\n```\n"
    assert trouble(one(before + block), tmp_path) == ""


def test_block_may_bring_its_own_loop(tmp_path: Path) -> None:
    block = "```python\nimport asyncio\nprint(asyncio.run(asyncio.sleep(0, 1)))\n```\n```text\n1\n```\n"
    assert trouble(one(block), tmp_path) == ""


def test_error_points_to_the_line_of_the_page(tmp_path: Path) -> None:
    found = trouble(one("# A\n\n```python\nx = 1\nx / 0\n```\n"), tmp_path)
    assert 'page.md", line 5, in <module>' in found
    assert "ZeroDivisionError" in found


def test_warning_is_an_error(tmp_path: Path) -> None:
    assert "UserWarning: old" in trouble(one("```python\nimport warnings\nwarnings.warn('old')\n```\n"), tmp_path)


def test_block_that_is_not_run_says_why(tmp_path: Path) -> None:
    block = "```python\n1 / 0\n```\n"
    assert trouble(one(f"<!-- not run: needs a terminal -->\n{block}"), tmp_path) == ""
    assert "says why" in trouble(one(f"<!-- not run -->\n{block}"), tmp_path)
    assert "says why" in trouble(one(f"<!-- not run: -->\n{block}"), tmp_path)
    assert "ZeroDivisionError" in trouble(one(f"<!-- not run: of another block -->\ntext\n{block}"), tmp_path)
