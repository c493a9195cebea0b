"""What goes into one frame fits into it, however much hubs have said; nothing is left out on the way."""

from __future__ import annotations

from random import Random

import pytest

from eddyline.core.log.envelopes import Envelope
from eddyline.core.log.vector import EMPTY, CommitId
from eddyline.core.sync import frames as f
from eddyline.core.sync.asks import ReadCommits
from eddyline.core.sync.fitting import fitting

from .line import lane

LIMITS = f.Limits(frame_bytes=4_096)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("follows", [True, False])
def test_every_frame_fits_and_all_of_them_bring_all(seed: int, follows: bool) -> None:
    chance = Random(seed)
    ids = [CommitId(lane(1), seq) for seq in range(1, chance.randrange(2, 60))]
    lines = [(at, chance.choice("xä") * chance.randrange(1, 1_200)) for at in ids]
    said = [
        Envelope(at, None, chance.choice("nö\n") * chance.randrange(1, 300), no)
        for no, at in enumerate((at for at in ids if chance.random() < 0.8), start=1)
    ]
    vector, heard, texts, words = EMPTY, 0, list[str](), list[Envelope]()
    while True:
        ask = ReadCommits(vector, heard if follows else None, LIMITS.body_bytes, or_snapshot=False)
        lacking = [line for line in lines if line[0] not in vector]
        found = fitting(ask, lacking, [one for one in said if one.no > heard or not follows], len(said), len(lacking))
        assert found is not None
        frame = f.encode(f.Commits(found.body, found.envelopes, found.serial, found.left), 7)
        assert len(frame.encode() if isinstance(frame, str) else frame) <= LIMITS.frame_bytes
        texts += found.body.split("\n") if found.body else []
        words += found.envelopes
        vector, heard = found.vector, found.serial
        if not found.left and not found.more:
            break
    assert texts == [text for _, text in lines]
    assert words == said


def test_commit_that_is_too_large_alone_is_no_batch() -> None:
    ask = ReadCommits(EMPTY, 0, 1_000, or_snapshot=False)
    assert fitting(ask, [(CommitId(lane(1), 1), "x" * 2_000)], (), 0, 1) is None
