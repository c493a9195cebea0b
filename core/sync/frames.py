"""Frames: the messages of the protocol, and how each is written.

    text    {"n":7,"t":"commits","serial":3,"left":0}        the header: number on this connection, type, fields
            {"format":1,"lane":"01K..","seq":3, ..}          the body of some: a commit a line, or a row a line
    binary  {"n":8,"t":"segment","name":"..","number":0}     the same, then one newline and the bytes of a segment
            ...

Each message is a frozen dataclass; the fields of its class are those of the header, and one table says how a value of
each type is written and read. Fields at their default are left out; fields that a reader doesn't know are ignored, so
that some may come without a new protocol version. Equal messages give equal frames.
What comes in is checked once, here: size, types, ranges. What is no frame raises `FrameError`, whose `code` is what the
other side is told in a `Refuse`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, fields
from typing import Any, ClassVar, Literal, TypeAlias, get_args

from ..errors import CommitFormatError, FrameError
from ..log.encoding import dumps
from ..log.envelopes import Envelope
from ..log.fates import Fate, State
from ..log.vector import EMPTY, CommitId, Vector
from ..values import has_lone_surrogate, shown

__all__ = [
    "HEADER_BYTES_MAX",
    "LIMITS",
    "PROTOCOL",
    "AskFates",
    "AskHave",
    "Cancel",
    "Code",
    "Commits",
    "Digest",
    "Failed",
    "Fate",
    "Fates",
    "Fetch",
    "Frame",
    "Have",
    "Hello",
    "Limits",
    "Message",
    "Mismatch",
    "Ping",
    "Pong",
    "Presence",
    "Present",
    "Refuse",
    "Resync",
    "Rows",
    "Seat",
    "Segment",
    "Staged",
    "Transfer",
    "Welcome",
    "decode",
    "encode",
    "head_of",
]  # fmt: skip

PROTOCOL = 1
Frame: TypeAlias = str | bytes
HEADER_BYTES_MAX = 1024
"""What is kept free for the header in a frame that carries as much as it can."""

Code: TypeAlias = Literal[
    "protocol", "workspace", "backend", "schema", "token-missing", "token-expired", "token-invalid", "forbidden",
    "garbage", "too-large", "flood", "fork", "behind", "busy", "closing", "failed",
]  # fmt: skip
"""Why a hub refuses a connection. "busy", "closing" and "failed" pass: try again later."""

TransferKind: TypeAlias = Literal["commit", "snapshot"]


@dataclass(frozen=True, slots=True)
class Limits:
    """What one side takes: the other one keeps to it. `ping_ms` of silence call for a ping, three times that ends."""

    frame_bytes: int = 256 << 10
    window_bytes: int = 1 << 20
    commit_bytes: int = 64 << 20
    presence_bytes: int = 4 << 10
    fetches: int = 4
    fetch_rows: int = 10_000
    fetch_bytes: int = 4 << 20
    ping_ms: int = 20_000

    @property
    def body_bytes(self) -> int:
        """What fits into a frame beside its header."""
        return self.frame_bytes - HEADER_BYTES_MAX


LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class Seat:
    """Who is present in one session, and what they say of themselves: JSON text, "" when they have left."""

    session: str
    principal: str = ""
    state: str = ""


# --- Messages: the handshake ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Hello:
    """The first word of a client: who it is, what it wants to reach, what it has.

    `head` is a hash of its vector; the vector itself is left out when it is long: then the hub asks for it if need be.
    `backend`, `epoch` and `heard`, the serial of the last envelope, are of the hub that it met last.
    """

    type: ClassVar[str] = "hello"
    protocol: int
    workspace: str
    replica: str
    schema: str
    head: str
    vector: Vector | None = None
    token: str = ""
    backend: str = ""
    epoch: int = 0
    heard: int = 0
    limits: Limits = LIMITS


@dataclass(frozen=True, slots=True)
class Welcome:
    """The hub's answer. `vector` is what it has, left out if that is what the client has: then there is nothing to do.

    `asks` wants the client's vector, as a `Have`.
    """

    type: ClassVar[str] = "welcome"
    protocol: int
    backend: str
    epoch: int
    session: str
    principal: str
    now_ms: int
    vector: Vector | None = None
    asks: bool = False
    limits: Limits = LIMITS


@dataclass(frozen=True, slots=True)
class Refuse:
    """The last word of either side, and why. `retry_ms`: not before then."""

    type: ClassVar[str] = "refuse"
    code: Code
    message: str
    retry_ms: int = 0


# --- Commits -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Commits:
    """Commits, each after those it follows, a line each in their canonical text, and envelopes up to `serial`.

    `left` is how many more there are to come. `handed_on` are the lanes of them that a client doesn't write itself.
    """

    type: ClassVar[str] = "commits"
    body: str = ""
    envelopes: tuple[Envelope, ...] = ()
    serial: int = 0
    left: int = 0
    handed_on: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Have:
    """This is stored here: `vector` where it has grown, and the envelopes up to `serial`.

    `id` is that of the `AskHave` that it answers; then `vector` is all of it.
    """

    type: ClassVar[str] = "have"
    vector: Vector = EMPTY
    serial: int = 0
    id: int = 0


@dataclass(frozen=True, slots=True)
class AskHave:
    """What is stored there now? The answer is a `Have` with this `id`, from 1."""

    type: ClassVar[str] = "ask-have"
    id: int


@dataclass(frozen=True, slots=True)
class Transfer:
    """Something too large for one frame follows in segments: a commit, or a snapshot.

    `vector` is what it brings: that commit alone, or all that the snapshot stands for; then `serial` is that of the
    newest envelope in it. `envelopes` are those of the commit.
    The same name has the same segments, if they are cut to the same size. `tables` are those that a snapshot holds,
    none for all; `handed_on` is as in `Commits`. The answer is a `Staged` that says how many segments are there
    already.
    """

    type: ClassVar[str] = "transfer"
    name: str
    kind: TransferKind
    vector: Vector
    serial: int = 0
    size_bytes: int = 0
    tables: tuple[str, ...] = ()
    envelopes: tuple[Envelope, ...] = ()
    segment_bytes: int = 0
    handed_on: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Staged:
    """The first `count` segments of a transfer are stored; `installed`: and all of it has been taken in."""

    type: ClassVar[str] = "staged"
    name: str
    count: int
    installed: bool = False


@dataclass(frozen=True, slots=True)
class Segment:
    """Segment `number` of a transfer, counted from 0; `last` ends it."""

    type: ClassVar[str] = "segment"
    name: str
    number: int
    last: bool = False
    data: bytes = b""


@dataclass(frozen=True, slots=True)
class AskFates:
    """What has become of these?"""

    type: ClassVar[str] = "ask-fates"
    commits: tuple[CommitId, ...]


@dataclass(frozen=True, slots=True)
class Fates:
    """The answer to `AskFates`."""

    type: ClassVar[str] = "fates"
    fates: tuple[Fate, ...]


# --- Digests -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Digest:
    """At the vector with this `head` and the envelopes up to `serial`, the tables have these digests (hex)."""

    type: ClassVar[str] = "digest"
    head: str
    serial: int
    tables: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Mismatch:
    """At the same vector these tables are others here."""

    type: ClassVar[str] = "mismatch"
    tables: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Resync:
    """Send these tables as a snapshot."""

    type: ClassVar[str] = "resync"
    tables: tuple[str, ...]


# --- Presence, fetching, and whether anybody is there ----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Present:
    """What a client says of itself now: JSON text, "" to leave."""

    type: ClassVar[str] = "present"
    state: str = ""


@dataclass(frozen=True, slots=True)
class Presence:
    """Who has come, changed or left; with `reset` these are all."""

    type: ClassVar[str] = "presence"
    seats: tuple[Seat, ...]
    reset: bool = False


@dataclass(frozen=True, slots=True)
class Fetch:
    """Run this query, as `dump` writes it, on the hub's database."""

    type: ClassVar[str] = "fetch"
    id: int
    query: str


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of fetch `id`, each a line of JSON; `columns` come with the first ones, `last` ends them."""

    type: ClassVar[str] = "rows"
    id: int
    body: str = ""
    columns: tuple[str, ...] = ()
    last: bool = False


@dataclass(frozen=True, slots=True)
class Failed:
    """Fetch `id` has failed; `error` is the class of ours, or a code of `Refuse`."""

    type: ClassVar[str] = "failed"
    id: int
    error: str
    message: str


@dataclass(frozen=True, slots=True)
class Cancel:
    """Nobody waits for fetch `id` any more."""

    type: ClassVar[str] = "cancel"
    id: int


@dataclass(frozen=True, slots=True)
class Ping:
    """Are you there? `at` comes back."""

    type: ClassVar[str] = "ping"
    at: int


@dataclass(frozen=True, slots=True)
class Pong:
    """Yes."""

    type: ClassVar[str] = "pong"
    at: int


Message: TypeAlias = (
    Hello | Welcome | Refuse | Commits | Have | AskHave | Transfer | Staged | Segment | AskFates | Fates | Digest
    | Mismatch | Resync | Present | Presence | Fetch | Rows | Failed | Cancel | Ping | Pong
)  # fmt: skip
_CLASSES: dict[str, type[Message]] = {cls.type: cls for cls in get_args(Message)}


# --- One encode, one decode ----------------------------------------------------------------------------------------


def head_of(vector: Vector) -> str:
    """Return the hash of a vector that stands for it in `Hello` and `Digest`."""
    return hashlib.sha256(vector.to_json().encode()).hexdigest()[:16]


def encode(message: Message, number: int) -> Frame:
    """Return the frame of `message`, the `number`-th on its connection, counted from 1."""
    header: dict[str, object] = {"n": number, "t": message.type}
    for name, kind, default in _FIELDS[type(message)]:
        value = getattr(message, name)
        if name not in _BODY and (default is MISSING or value != default):
            header[name] = kind.write(value)
    text = dumps(header)
    if isinstance(message, Segment):
        return text.encode() + b"\n" + message.data
    body = message.body if isinstance(message, Commits | Rows) else ""
    return f"{text}\n{body}" if body else text


def decode(frame: Frame, limits: Limits = LIMITS) -> tuple[int, Message]:
    """Return the number of a frame and its message. Raises `FrameError`."""
    size = len(frame) if isinstance(frame, bytes) or frame.isascii() else len(frame.encode(errors="surrogatepass"))
    if size > limits.frame_bytes:
        raise FrameError(f"a frame of {size:,} bytes; the limit is {limits.frame_bytes:,}", code="too-large")
    header, body = _split(frame)
    number, cls = header.get("n"), _CLASSES.get(str(header.get("t")))
    if cls is None or (cls is Segment) != isinstance(frame, bytes):
        raise _garbage(f"a frame of type {shown(header.get('t'))}; there are {', '.join(sorted(_CLASSES))}")
    values: dict[str, Any] = {}  # Any: of the types that the fields have
    for name, kind, default in _FIELDS[cls]:
        if name in header and name not in _BODY:
            values[name] = _read(kind, header[name], f"{name} of {cls.type!r}")
        elif default is MISSING:
            raise _garbage(f"a frame of type {cls.type!r} has no {name}")
    if body:
        if cls is not Segment and cls is not Commits and cls is not Rows:
            raise _garbage(f"a frame of type {cls.type!r} has no body")
        values["data" if cls is Segment else "body"] = body
    return _number(number), cls(**values)


def _split(frame: Frame) -> tuple[dict[str, Any], Frame]:  # Any: parsed JSON
    head, _, body = frame.partition(b"\n") if isinstance(frame, bytes) else frame.partition("\n")
    try:
        header = json.loads(head)
    except (ValueError, RecursionError) as error:
        raise _garbage(f"{shown(head)} is no header of a frame: {error}") from error
    if not isinstance(header, dict):
        raise _garbage(f"{shown(head)} is no header of a frame: those are objects")
    return header, body


def _garbage(said: str) -> FrameError:
    return FrameError(said, code="garbage")


@dataclass(frozen=True, slots=True)
class _Kind:
    """How values of one type are written as JSON and read back."""

    write: Callable[[Any], object]  # Any: of the type that the kind is for
    read: Callable[[Any], Any]


def _read(kind: _Kind, data: object, what: str) -> object:
    try:
        return kind.read(data)
    except (FrameError, CommitFormatError) as error:
        raise _garbage(f"{what}: {error}") from error


def _same(value: object) -> object:
    return value


def _number(data: object) -> int:
    if type(data) is int and 0 <= data < 1 << 62:
        return data
    raise _garbage(f"{shown(data)} is no number from 0 on")


def _text(data: object) -> str:
    if isinstance(data, str) and not has_lone_surrogate(data):
        return data
    raise _garbage(f"{shown(data)} is no text")


def _flag(data: object) -> bool:
    if isinstance(data, bool):
        return data
    raise _garbage(f"{shown(data)} is neither true nor false")


def _texts(data: object) -> tuple[str, ...]:
    return tuple(map(_text, _list(data)))


def _list(data: object) -> list[Any]:  # Any: parsed JSON
    if isinstance(data, list):
        return data
    raise _garbage(f"{shown(data)} is no list")


def _object(data: object) -> dict[str, Any]:  # Any: parsed JSON
    if isinstance(data, dict):
        return data
    raise _garbage(f"{shown(data)} is no object")


def _one_of(words: tuple[str, ...]) -> _Kind:
    def read(data: object) -> str:
        if data in words:
            return str(data)
        raise _garbage(f"{shown(data)} is none of {', '.join(words)}")

    return _Kind(_same, read)


def _many(cls: type[Fate | Seat | Limits]) -> _Kind:
    one = _record(cls)
    return _Kind(lambda values: [*map(one.write, values)], lambda data: tuple(map(one.read, _list(data))))


def _record(cls: type[Fate | Seat | Limits]) -> _Kind:
    """Return the kind of a small class: an object, fields at their default left out."""

    def write(value: Any) -> object:  # Any: an instance of cls
        return {
            name: kind.write(getattr(value, name))
            for name, kind, default in _FIELDS[cls]
            if default is MISSING or getattr(value, name) != default
        }

    def read(data: object) -> object:
        found = _object(data)
        missing = [name for name, _, default in _FIELDS[cls] if default is MISSING and name not in found]
        if missing:
            raise _garbage(f"{shown(data)} has no {missing[0]}")
        return cls(**{name: kind.read(found[name]) for name, kind, _ in _FIELDS[cls] if name in found})

    return _Kind(write, read)


_BODY = {"body", "data"}
_KINDS: dict[str, _Kind] = {
    "int": _Kind(_same, _number),
    "int | None": _Kind(_same, _number),
    "str": _Kind(_same, _text),
    "bool": _Kind(_same, _flag),
    "bytes": _Kind(_same, _same),  # a body
    "Vector": _Kind(Vector.data, Vector.read),
    "Vector | None": _Kind(Vector.data, Vector.read),
    "CommitId": _Kind(str, CommitId.parse),
    "tuple[CommitId, ...]": _Kind(
        lambda ids: [*map(str, ids)], lambda data: tuple(map(CommitId.parse, _list(data)))
    ),
    "tuple[str, ...]": _Kind(list, _texts),
    "Mapping[str, str]": _Kind(
        lambda words: dict(sorted(words.items())),
        lambda data: {_text(name): _text(word) for name, word in _object(data).items()},
    ),
    "Code": _one_of(get_args(Code)),
    "State": _one_of(get_args(State)),
    "TransferKind": _one_of(get_args(TransferKind)),
    "Limits": _record(Limits),
    "tuple[Envelope, ...]": _Kind(
        lambda envelopes: [[*one.commit, one.clamped, one.rejected] for one in envelopes],
        lambda data: tuple(map(Envelope.read, _list(data))),
    ),
    "tuple[Fate, ...]": _many(Fate),
    "tuple[Seat, ...]": _many(Seat),
}  # fmt: skip
_FIELDS: dict[type, list[tuple[str, _Kind, object]]] = {
    cls: [(field.name, _KINDS[str(field.type)], field.default) for field in fields(cls)]
    for cls in (*get_args(Message), Limits, Fate, Seat)
}
