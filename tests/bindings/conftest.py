"""What the tests of the toolkits share: an app has all the time that it wants."""

from __future__ import annotations

import pytest

from eddyline.bindings import frame


@pytest.fixture(autouse=True)
def no_frame_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Frames come at once however long a slow machine paints; a test of their pace says so itself."""
    monkeypatch.setattr(frame, "LONGEST", 0.0)
