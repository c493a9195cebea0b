"""What a peer hands out and its driver does: frames to send, asks to answer, news to tell.

    driver    for out in peer.receive(frame, now_ms):
                  Send(frame)      -> the transport, in this order
                  an ask           -> the database; then peer.answer(ask, result, now_ms) hands out more
                  news             -> the application
                  Close(..)        -> end the connection; nothing comes after it

An ask is a frozen value and says all that its answer depends on; `answer` wants the very one back. Equal reads of
several sessions may share one answer: so a commit that goes out to a thousand clients is read and written as text once.
A read may be answered at any time; writes (`Apply`, `Admit`, `Stage`, `Install`) a peer asks one after the other. What
fails is answered by its error.
An ask whose answer comes after `Close` may be answered or not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from ..log.commit import Commit
from ..log.envelopes import Envelope
from ..log.fates import Fate
from ..log.vector import EMPTY, CommitId, Vector
from .frames import Code, Frame, Hello, Seat, Transfer

__all__ = [
    "Admit",
    "Alarm",
    "Apply",
    "Ask",
    "Authorize",
    "Batch",
    "Close",
    "Digests",
    "FateNews",
    "FetchNews",
    "Fetched",
    "HaveNews",
    "HubIs",
    "Install",
    "News",
    "Online",
    "OpenLog",
    "OpenSnapshot",
    "Opened",
    "Output",
    "Piece",
    "PresenceNews",
    "Principal",
    "Progress",
    "ReadCommits",
    "ReadDigests",
    "ReadFates",
    "ReadSegment",
    "Refused",
    "Remember",
    "Restored",
    "RunFetch",
    "Saved",
    "Send",
    "Stage",
    "StagedCount",
    "Standing",
    "Taken",
    "Wake",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Send:
    """Send this frame."""

    frame: Frame


@dataclass(frozen=True, slots=True)
class Close:
    """End the connection. `code` is "" where no blame is to be laid: silence, a lost frame, an end that was wanted."""

    code: Code | str = ""
    message: str = ""
    retry_ms: int = 0


# --- Asks of either side -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class OpenLog:
    """What is here? -> `Opened`"""


@dataclass(frozen=True, slots=True)
class ReadCommits:
    """-> `Batch` of what is beyond the vector, with the envelopes after `heard`; None: those of the batch's commits.

    Or a `Transfer`: of the next commit, if it alone is larger than `bytes_max`; if `or_snapshot`, of a snapshot, where
    the log has no longer what is missing or a snapshot is the shorter way.
    """

    beyond: Vector
    heard: int | None
    bytes_max: int
    or_snapshot: bool


@dataclass(frozen=True, slots=True)
class ReadSegment:
    """-> `Piece`: segment `number` of a transfer that an answer here has named; all but the last are of one size."""

    name: str
    number: int
    bytes_max: int


@dataclass(frozen=True, slots=True)
class StagedCount:
    """How many segments of this transfer are stored here? -> int. What else `source` had begun may be dropped."""

    source: str
    name: str


@dataclass(frozen=True, slots=True)
class Stage:
    """Store a segment, so that it outlives a crash. -> None"""

    source: str
    name: str
    number: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Install:
    """Take in a transfer whose segments are all staged, at once and entirely, and drop them. -> `Taken`

    A commit as `Admit` or `Apply` would; a snapshot only on a client.
    """

    source: str
    name: str
    transfer: Transfer
    principal: str = ""
    there_before: bool = False


@dataclass(frozen=True, slots=True)
class ReadDigests:
    """-> `Digests`, of one state."""


# --- Asks of a client ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Apply:
    """Store commits of others and envelopes, durably. -> `Taken`"""

    commits: tuple[Commit, ...]
    envelopes: tuple[Envelope, ...]


@dataclass(frozen=True, slots=True)
class Remember:
    """Keep this. Written late it does no harm, so several may be written as one. -> None"""

    standing: Standing


# --- Asks of a hub -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Authorize:
    """Who is this, and may they come in? -> `Principal`, or `Refused`"""

    hello: Hello


@dataclass(frozen=True, slots=True)
class Admit:
    """Store commits of a client durably, or reject them one by one; clamp what runs ahead. -> `Taken`

    Whatever becomes of a commit, the vector goes on past it; what was said of it is an envelope, and has a serial.
    `envelopes` count for commits that are new here alone: a restored hub had said so before. Of others nobody but the
    hub says anything, with one exception: if the client was `there_before` the hub was restored, stamps count for all
    that the backup lacked, since another client may have brought the commit without.
    `handed_on` are the lanes that the client says others write.
    """

    principal: str
    commits: tuple[Commit, ...]
    envelopes: tuple[Envelope, ...]
    there_before: bool = False
    replica: str = ""
    handed_on: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ReadFates:
    """-> tuple of `Fate`, as asked."""

    commits: tuple[CommitId, ...]


@dataclass(frozen=True, slots=True)
class RunFetch:
    """-> `Fetched`, of at most so many rows, or an error"""

    principal: str
    id: int
    query: str
    rows_max: int


@dataclass(frozen=True, slots=True)
class OpenSnapshot:
    """-> `Transfer` of a snapshot of these tables"""

    tables: tuple[str, ...]


Ask: TypeAlias = (
    OpenLog | ReadCommits | ReadSegment | StagedCount | Stage | Install | ReadDigests | Apply | Remember | Authorize
    | Admit | ReadFates | RunFetch | OpenSnapshot
)  # fmt: skip


# --- Answers -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Standing:
    """What a client remembers of its hub: which one, up to which envelope it has heard, what is safe there."""

    backend: str = ""
    epoch: int = 0
    heard: int = 0
    saved: Vector = EMPTY


@dataclass(frozen=True, slots=True)
class Opened:
    """How far the log goes here, under which schema. `backend` and `epoch` are a hub's, `standing` is a client's."""

    vector: Vector
    schema: str
    replica: str = ""
    backend: str = ""
    epoch: int = 0
    standing: Standing = Standing()


@dataclass(frozen=True, slots=True)
class Batch:
    """Commits in causal order, as lines of canonical text; `vector` is what who has them has, beyond what was asked.

    The envelopes up to `serial`; a batch with commits has all that there are, else there may be `more`. `left` commits
    are still to come. `handed_on` are those lanes of a client's that it doesn't write itself.
    """

    body: str
    vector: Vector
    envelopes: tuple[Envelope, ...] = ()
    serial: int = 0
    left: int = 0
    handed_on: tuple[str, ...] = ()
    more: bool = False


@dataclass(frozen=True, slots=True)
class Piece:
    """A segment."""

    data: bytes
    last: bool


@dataclass(frozen=True, slots=True)
class Taken:
    """The vector after something was stored.

    `unmade`: rows don't follow what a hub said, as the log has forgotten what they were.
    """

    vector: Vector
    unmade: bool = False


@dataclass(frozen=True, slots=True)
class Digests:
    """Digests of tables, the vector and the newest envelope's serial, all of one state."""

    vector: Vector
    serial: int
    tables: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Principal:
    """Who somebody is, until when their token says so, and whether they get what others write."""

    name: str
    until_ms: int | None = None
    replicates: bool = True


@dataclass(frozen=True, slots=True)
class Fetched:
    """Rows, each a line of JSON."""

    columns: tuple[str, ...]
    lines: tuple[str, ...]


# --- News ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Refused:
    """The hub won't have us, or (as an answer to `Authorize`) we won't have a client."""

    code: Code
    message: str
    retry_ms: int = 0


@dataclass(frozen=True, slots=True)
class Online:
    """The handshake is done. `ahead_ms` is how far the hub's clock is ahead of ours, half a round trip included."""

    session: str
    principal: str
    ahead_ms: int


@dataclass(frozen=True, slots=True)
class Restored:
    """The hub is an older state of itself: what it has lost and we have goes there again."""

    epoch: int


@dataclass(frozen=True, slots=True)
class Saved:
    """The hub has stored this."""

    vector: Vector


@dataclass(frozen=True, slots=True)
class HubIs:
    """The hub is known to have this: once it is here, too, we are up to date."""

    vector: Vector


@dataclass(frozen=True, slots=True)
class Progress:
    """So many commits, or bytes of a transfer, came of so many."""

    done: int
    total: int
    unit: str


@dataclass(frozen=True, slots=True)
class FateNews:
    """What has become of commits: those that were rejected, and answers to `ask_fates`."""

    fates: tuple[Fate, ...]


@dataclass(frozen=True, slots=True)
class HaveNews:
    """The hub's answer to `ask_have`, after the `HubIs` that says it."""

    id: int


@dataclass(frozen=True, slots=True)
class PresenceNews:
    """Who is present now: all of them."""

    seats: tuple[Seat, ...]


@dataclass(frozen=True, slots=True)
class FetchNews:
    """Fetch `id` is done: its rows, each a line of JSON, or what went wrong."""

    id: int
    columns: tuple[str, ...] = ()
    lines: tuple[str, ...] = ()
    error: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class Alarm:
    """At equal vectors these tables differed: `resync` says whether they are being sent anew."""

    tables: tuple[str, ...]
    resync: bool


@dataclass(frozen=True, slots=True)
class Wake:
    """Call `changed` on the other sessions of this workspace: the log or who is present has changed."""


News: TypeAlias = (
    Refused | Online | Restored | Saved | HubIs | HaveNews | Progress | FateNews | PresenceNews | FetchNews
    | Alarm | Wake
)  # fmt: skip
Output: TypeAlias = Send | Ask | News | Close
