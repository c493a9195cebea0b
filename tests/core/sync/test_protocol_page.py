"""docs/protocol.md is held to the code: its frames, its table of messages, its limits and its codes.

A block ```frames holds frames, each after the name of who sends it; what is indented below belongs to the same frame.
Those of the section "An example" are what two peers really say.
"""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path
from typing import get_args

import pytest

from eddyline.core.sync import frames as f

from .line import NOW, Line, commit_to, lane

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "protocol.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```frames\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
MESSAGES = {message.type: message for message in get_args(f.Message)}


def frames_of(block: str) -> list[tuple[str, f.Frame]]:
    """Return who says what in a block; of a binary frame the bytes behind the header are its text."""
    found: list[tuple[str, f.Frame]] = []
    for part in re.findall(r"^(?:client|hub) .*\n(?:       .*\n)*", block, re.MULTILINE):
        who, text = part.split(None, 1)
        text = re.sub(r"^ {7}", "", text, flags=re.MULTILINE).rstrip("\n")
        found.append((who, text.encode() if '"t":"segment"' in text else text))
    return found


def block_of(said: list[tuple[str, f.Frame]]) -> str:
    """Return the block that says this."""
    lines = []
    for who, frame in said:
        text = frame if isinstance(frame, str) else frame.decode()
        first, *rest = text.split("\n")
        lines += [f"{who:<6} {first}", *(f"       {line}" for line in rest)]
    return "\n".join(lines) + "\n"


def rows(title: str) -> list[list[str]]:
    """Return the rows of the table in a section, as texts."""
    section = re.split(r"^## ", PAGE.partition(f"## {title}\n")[2], flags=re.MULTILINE)[0]
    table = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table[2:]]


@pytest.mark.parametrize("block", BLOCKS)
def test_frames_of_the_page_are_what_the_encoder_writes(block: str) -> None:
    frames = frames_of(block)
    assert block_of(frames) == block
    for _, frame in frames:
        number, message = f.decode(frame)
        assert f.encode(message, number) == frame


def test_every_message_has_an_example() -> None:
    assert {f.decode(frame)[1].type for block in BLOCKS for _, frame in frames_of(block)} == set(MESSAGES)


def test_the_example_is_what_two_peers_say() -> None:
    line = Line()
    commit_to(line.client, lane(1), "Slow start")
    line.run()
    commit_to(line.hub, lane(2), "Fast start")
    line.changed().wait(200)
    said = [(who, f.encode(message, 0)) for who, message in line.said]
    numbers = {"client": 0, "hub": 0}
    counted = []
    for who, frame in said:
        numbers[who] += 1
        assert isinstance(frame, str)
        counted.append((who, frame.replace('"n":0', f'"n":{numbers[who]}', 1)))
    assert NOW == 1_700_000_000_000
    assert BLOCKS[0] == block_of(counted)  # type: ignore[arg-type]  # text frames


def test_the_table_of_messages_is_theirs() -> None:
    expected = {name: ", ".join(field.name for field in fields(message)) for name, message in MESSAGES.items()}
    assert {row[0].strip("`"): row[2].replace("`", "") for row in rows("Messages")} == expected


def test_the_limits_are_those_of_the_code() -> None:
    said = {row[0].strip("`"): int(row[1].replace(",", "")) for row in rows("Limits")}
    assert said == {field.name: getattr(f.LIMITS, field.name) for field in fields(f.Limits)}


def test_the_codes_are_those_of_the_code() -> None:
    assert [row[0].strip("`") for row in rows("Refusals")] == list(get_args(f.Code))
