"""Contrast of two colours, as WCAG 2 has it (1 to 21, 4.5 for small text), and the colour of less important words."""

from __future__ import annotations

from textual.color import Color

__all__ = ["TEXT_MIN", "contrast", "muted"]

TEXT_MIN = 4.5
PALEST = 60  # percent of the foreground


def contrast(one: Color, other: Color) -> float:
    """Return the contrast of two colours without transparency."""
    high, low = sorted((_light_of(one), _light_of(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def _light_of(color: Color) -> float:
    parts = [v / 3294.6 if v <= 10 else ((v / 255 + 0.055) / 1.055) ** 2.4 for v in (color.r, color.g, color.b)]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def muted(foreground: str, background: str) -> str:
    """Return the foreground mixed with as much of the background as leaves it readable."""
    front, back = Color.parse(foreground), Color.parse(background)
    mixed = (back.blend(front, percent / 100, alpha=1.0) for percent in range(PALEST, 100, 5))
    return next((color.hex for color in mixed if contrast(color, back) >= TEXT_MIN), front.hex)
