"""What mkdocs asks for the site: pages that are made of files outside docs/, and the reference, made of docstrings.

README.md, CHANGELOG.md, examples/README.md, benchmarks/RESULTS.md  --links turned round-->  pages
eddyline.__all__, the bindings' and signals' names  --inspect-->  reference.md
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PAGES = {
    "index.md": "README.md",
    "changelog.md": "CHANGELOG.md",
    "examples.md": "examples/README.md",
    "benchmarks.md": "benchmarks/RESULTS.md",
}
OF_FILE = {source: page for page, source in PAGES.items()}
MODULES = {
    "eddyline": "What an application needs.",
    "eddyline.signals": "The reactive ground, without a database.",
    "eddyline.bindings.textual": "Widgets for Textual.",
    "eddyline.bindings.jupyter": "Widgets for Jupyter, VS Code, Colab and marimo.",
    "eddyline.bindings.marimo": "Signals as marimo's state.",
    "eddyline.bindings.watching": "Patches printed.",
    "eddyline.bindings.progress": "Bars for what takes long.",
    "eddyline.bindings.rx": "Streams of ReactiveX.",
    "eddyline.sync": "Replicating through a server.",
    "eddyline.testing": "For tests of applications.",
}
LINK = re.compile(r"\[(?P<words>[^\]]*)\]\((?!https?:|#|mailto:)(?P<to>[^)\s#]+)(?P<part>#[^)\s]*)?\)")


def on_files(files: Any, config: Any) -> Any:  # Any: mkdocs' own, which is installed for the site alone
    """Add the pages that are made."""
    from mkdocs.structure.files import File

    for page, source in PAGES.items():
        text = (ROOT / source).read_text(encoding="utf-8")
        files.append(File.generated(config, page, content=turned(text, (ROOT / source).parent)))
    files.append(File.generated(config, "reference.md", content=reference()))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:  # Any: as above
    """Turn links that lead out of docs/ to the pages made of those files."""
    return markdown if page.file.generated_by else turned(markdown, ROOT / "docs")


def turned(text: str, folder: Path) -> str:
    """Return `text` of a file in `folder` with links as pages of the site have them; to no page: as plain text."""

    def link(found: re.Match[str]) -> str:
        target = (folder / found["to"]).resolve()
        path = target.relative_to(ROOT).as_posix() if target.is_relative_to(ROOT) else found["to"]
        page = OF_FILE.get(path) or (path.removeprefix("docs/") if path.startswith("docs/") else None)
        return found["words"] if page is None else f"[{found['words']}]({page}{found['part'] or ''})"

    pieces = re.split(r"(^```.*?^```)", text, flags=re.MULTILINE | re.DOTALL)
    return "".join(piece if piece.startswith("```") else LINK.sub(link, piece) for piece in pieces)


def reference() -> str:
    """Return the page of all public names."""
    parts = ["# Names\n"]
    for module, what in MODULES.items():
        found = import_module(module)
        parts.append(f"## `{module}`\n\n{what}\n")
        for name in sorted(found.__all__, key=str.lower):
            parts += entry(name, getattr(found, name))
    return "\n".join(parts)


def entry(name: str, value: Any) -> Iterator[str]:  # Any: whatever is public
    """Yield what the reference says of one name."""
    yield f"### {name}\n"
    if not (inspect.isclass(value) or inspect.isroutine(value)):
        yield f"```python\n{name} = {value}\n```\n"
        return
    if not (inspect.isclass(value) and issubclass(value, BaseException)):
        yield signature(name, value)
    yield shown(inspect.getdoc(value))
    if inspect.isclass(value) and not issubclass(value, BaseException):
        for member, held in vars(value).items():
            if member[0] != "_" and (inspect.isroutine(held) or isinstance(held, property | staticmethod)):
                yield from member_entry(member, held)


def member_entry(member: str, held: Any) -> Iterator[str]:  # Any: as above
    """Yield what the reference says of a method or property."""
    doc = inspect.getdoc(held.fget if isinstance(held, property) else held)
    if doc is None:
        return
    function = getattr(held, "__func__", held)
    yield f"**`{member}`**\n" if isinstance(held, property) else signature(member, function)
    yield shown(doc)


def signature(name: str, value: Any) -> str:  # Any: as above
    try:
        text = (
            str(unquoted(inspect.signature(value)))
            .replace("(self, /, ", "(")
            .replace("(self, ", "(")
            .replace("(self)", "()")
        )
    except (TypeError, ValueError):
        text = "(...)"
    return f"```python\n{name}{text}\n```\n"


class Words(str):
    """An annotation as it stands in the source."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def unquoted(given: inspect.Signature) -> inspect.Signature:
    """Return a signature whose annotations are shown without quotes."""

    def words(annotation: Any) -> Any:  # Any: a type, or its text
        return Words(annotation) if isinstance(annotation, str) else annotation

    parameters = [one.replace(annotation=words(one.annotation)) for one in given.parameters.values()]
    return given.replace(parameters=parameters, return_annotation=words(given.return_annotation))


def shown(doc: str | None) -> str:
    """Return a docstring as Markdown: its drawings stay as they are, nothing in its words is HTML."""
    if doc is None:
        return ""
    lines = [line if line.startswith("    ") else line.replace("<", "&lt;") for line in doc.splitlines()]
    return "\n".join(lines) + "\n"
