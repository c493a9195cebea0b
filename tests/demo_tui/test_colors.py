"""What is written in colours can be read on every theme that the demo offers."""

from __future__ import annotations

import pytest
from rich.style import Style
from textual.color import Color
from textual.widgets import Label

from eddyline.demo_tui.app import THEMES
from eddyline.demo_tui.contrast import TEXT_MIN, contrast
from eddyline.demo_tui.sql_colors import sql_styles
from eddyline.demo_tui.target import Target

from .screen import demo

GLYPH_MIN = 2.9  # contrast of signs and bars, rounded down, as WCAG has it


def test_contrast_is_that_of_wcag() -> None:
    black, white, grey = Color.parse("#000000"), Color.parse("#ffffff"), Color.parse("#767676")
    assert contrast(black, white) == pytest.approx(21.0)
    assert contrast(white, grey) == pytest.approx(4.54, abs=0.01)


@pytest.mark.parametrize("theme", THEMES)
async def test_less_important_words_are_paler_and_can_be_read_on_the_theme(sample: Target, theme: str) -> None:
    async with demo(sample) as seen:
        seen.app.theme = theme
        await seen.settle()
        variables = seen.app.theme_variables
        muted, front, back = (Color.parse(variables[name]) for name in ("muted", "foreground", "background"))
        assert contrast(muted, back) >= TEXT_MIN
        assert contrast(muted, back) < contrast(front, back) or theme == "solarized-light"  # it is pale as it is
        said = next(iter(seen.tracker.query_one("#comments").render_line(0)))
        ages = [s for s in seen.tracker.query_one("#comments").render_line(0) if "ago" in s.text or "Nobody" in s.text]
        assert said.style is not None
        assert {s.style.color.get_truecolor() for s in ages if s.style and s.style.color} == {muted.rich_color.triplet}


@pytest.mark.parametrize("theme", THEMES)
async def test_sql_can_be_read_on_the_theme(sample: Target, theme: str) -> None:
    async with demo(sample) as seen:
        seen.app.theme = theme
        await seen.settle()
        background = Color.parse(seen.app.theme_variables["background"])
        for name, style in sql_styles(dark=seen.app.current_theme.dark).items():
            color = Style.parse(style).color
            assert color is not None
            assert contrast(Color.from_rich_color(color), background) >= TEXT_MIN, name


@pytest.mark.parametrize("theme", THEMES)
async def test_signs_and_bars_can_be_seen_on_the_theme(sample: Target, theme: str) -> None:
    async with demo(sample) as seen:
        seen.app.theme = theme
        await seen.settle()
        chart = seen.tracker.query_one("#chart")
        for segment in [segment for y in range(3) for segment in chart.render_line(y) if segment.text.strip()]:
            assert segment.style is not None
            front, back = segment.style.color, segment.style.bgcolor
            assert front is not None
            assert back is not None
            assert contrast(Color.from_rich_color(front), Color.from_rich_color(back)) >= GLYPH_MIN, segment.text


async def test_query_and_rule_take_the_colours_of_a_theme_chosen_while_they_are_shown(sample: Target) -> None:
    async with demo(sample) as seen:
        await seen.press("e")
        seen.app.theme = "textual-light"
        await seen.settle()
        light = {Style.parse(style).color for style in sql_styles(dark=False).values()}
        line, chip = seen.explorer.box.area.render_line(0), seen.explorer.query_one("#chip", Label)
        assert any(segment.style is not None and segment.style.color in light for segment in line)
        rule = seen.explorer.query_one("#delta").render_line(0)
        assert any(segment.style is not None and segment.style.color in light for segment in rule)
        assert contrast(chip.styles.background, chip.colors[3]) >= GLYPH_MIN
