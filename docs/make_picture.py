"""Make docs/demo.svg from the running demo: `python docs/make_picture.py`.

The app runs without a terminal on a fresh sample, under its own load for a moment, as a user would see it.
"""

from __future__ import annotations

import asyncio
import re
import tempfile
from pathlib import Path

from eddyline.demo_tui.app import EddylineDemo
from eddyline.demo_tui.session import open_session
from eddyline.demo_tui.target import Target

SIZE = (120, 32)
LOAD_S = 2.5
PICTURE = Path(__file__).parent / "demo.svg"


async def picture() -> str:
    """Return the screen of the demo as SVG."""
    with tempfile.TemporaryDirectory(prefix="eddyline-picture-") as folder:
        target = Target(Path(folder) / "issues.db", "sample", "~/.local/share/eddyline/issues.db")
        app = EddylineDemo(await open_session(target))
        async with app.run_test(size=SIZE) as pilot:
            await app.workers.wait_for_complete()
            await pilot.press("l")
            await pilot.pause(LOAD_S)
            return app.export_screenshot(title="python3 dev", simplify=True)


def plain(svg: str) -> str:
    """Return the picture without fonts from the network: the reader's own fixed-width font is as good."""
    svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)
    svg = re.sub(r"font-family: Fira Code, ?monospace|font-family: Fira Code", "font-family: monospace", svg)
    return "\n".join(line.rstrip() for line in svg.splitlines() if line.strip()) + "\n"


if __name__ == "__main__":
    PICTURE.write_text(plain(asyncio.run(picture())), encoding="utf-8")
    print(f"{PICTURE}: {PICTURE.stat().st_size / 1000:.0f} kB")
