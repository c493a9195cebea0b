from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from eddyline.bindings.cell_text import cell_text, cut, fit


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        ("plain", "plain"),
        ("", ""),
        ("two\nlines", "two↵lines"),
        ("dos\r\nlines", "dos↵lines"),
        ("tab\there", "tab⇥here"),
        ("\x1b[31mred\x07", "␛[31mred␇"),
        ("\x9b2J", "�2J"),
        ("abc\u202edcba", "abc�dcba"),
        ("lone \ud83d surrogate", "lone � surrogate"),
        ("日本 🎉 e\u0301 👩\u200d💻", "日本 🎉 e\u0301 👩\u200d💻"),
        (True, "true"),
        (0, "0"),
        (-(2**63), "-9223372036854775808"),
        (3.0, "3.0"),
        (0.1 + 0.2, "0.3"),
        (1234567.891, "1234567.891"),
        (1e300, "1e+300"),
        (1e-9, "1e-09"),
        (float("nan"), "nan"),
        (float("-inf"), "-inf"),
        (0.0, "0.0"),
        (b"", "0x"),
        (b"\x89PNG", "0x89504e47"),
        (b"\x00" * 9, "0x00000000… 9 B"),
        (b"\x00" * 12_345, "0x00000000… 12.3 kB"),
        (["a", 1], "['a', 1]"),
    ],
)
def test_value_becomes_one_safe_line(value: object, text: str) -> None:
    assert cell_text(value)[0] == text


@pytest.mark.parametrize(
    ("text", "width", "expected"),
    [
        ("abc", 3, "abc"),
        ("abcd", 3, "ab…"),
        ("abcd", 1, "…"),
        ("abcd", 0, ""),
        ("日本語", 6, "日本語"),
        ("日本語", 5, "日本…"),
    ],
)
def test_long_text_is_cut_with_an_ellipsis(text: str, width: int, expected: str) -> None:
    assert cut(text, width) == expected


def test_wide_character_that_would_be_halved_leaves_a_space() -> None:
    assert cut("日本語", 4) == "日 …"


@given(st.text(), st.integers(1, 30), st.booleans())
def test_fitted_text_has_exactly_the_width(text: str, width: int, right: bool) -> None:
    assert cell_len(fit(cell_text(text)[0], width, right=right)) == width


@given(st.text(st.characters(codec=None)))
def test_no_control_character_comes_out(text: str) -> None:
    shown = cell_text(text)[0]
    assert not any(unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp") for char in shown)
    shown.encode()


def test_megabytes_of_text_are_not_looked_at() -> None:
    assert len(cell_text("x" * 10_000_000)[0]) < 3000
