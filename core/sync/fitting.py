"""What of a log fits into one frame: what hubs have said first, then commits.

    said after 7: 3,000 envelopes, 500 KB     ->  the first 1,400 of them, and no commit: `more`
    said after 1400, commits                  ->  1,400 more, ...
    said after 2800, commits                  ->  the last 200, and as many commits as have room

Who hands on the envelopes of its commits alone (`heard` is None) gives each with its commit, or neither.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..log.envelopes import Envelope
from ..log.vector import CommitId
from .asks import Batch, ReadCommits

__all__ = ["fitting"]


def fitting(
    ask: ReadCommits, lines: Iterable[tuple[CommitId, str]], said: Sequence[Envelope], serial: int, total: int
) -> Batch | None:
    """Return the first of what answers `ask`; None where the first commit alone is too large.

    `lines` are the commits that are lacking, `total` how many of them there are, `said` the envelopes after
    `ask.heard`, up to `serial`; where that is None all that may be of these commits.
    """
    given: list[Envelope] = []
    size = 0
    if ask.heard is not None:
        for one in said:
            size += _size(one.to_json())
            if given and size > ask.bytes_max:
                return Batch("", ask.beyond, tuple(given), given[-1].no, total, more=True)
            given.append(one)
    own = {one.commit: one for one in said} if ask.heard is None else {}
    texts: list[str] = []
    vector = ask.beyond
    for at, text in lines:
        word = own.get(at)
        size += _size(text) + (0 if word is None else _size(word.to_json()))
        if size > ask.bytes_max + 1:
            break
        texts.append(text)
        vector = vector.plus(at)
        if word is not None:
            given.append(word)
    if total and not texts and not given:
        return None
    return Batch("\n".join(texts), vector, tuple(given), serial, total - len(texts))


def _size(text: str) -> int:
    """Return the bytes of a text and what parts it from the next."""
    return 1 + (len(text) if text.isascii() else len(text.encode()))
