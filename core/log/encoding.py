"""The canonical encoding of commits: one text for disk, wire and hash.

    {"format":1,"lane":"01K..","seq":3,"parents":{..},"hlc":..,"ops":[["put","issue","01K..",1,{"title":"a"}], ..]}

JSON, without spaces, keys in a fixed order (cells by column), fields that are empty left out: equal commits give equal
bytes. Values are exact: what JSON or its readers would bend is an object with one key: `{"i":"9007199254740993"}` for
integers beyond 53 bits, `{"r":"inf"}`, `{"b":"..base64.."}`; a REAL always has a point or an exponent, as in 1.0.
What comes in is checked once, here: types, ranges, sizes. What is no commit raises `CommitFormatError`.
Cost: about 10 us for a commit of one op, either way.
"""

from __future__ import annotations

import binascii
import hashlib
import json
import math
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ..clock import STAMP_MAX
from ..errors import CommitFormatError
from ..values import SqlValue, has_lone_surrogate, shown
from .commit import Add, Commit, End, Key, Move, Op, Put, PutJoined, SetUpdate, TextUpdate, Withheld
from .vector import CommitId, Vector, check_lane, check_seq

__all__ = [
    "FORMAT", "LIMITS", "TEXT_FIELDS", "Limits", "canonical", "commit_hash", "compose", "decode", "decode_ops",
    "dumps", "encode", "encode_ops", "key_text", "plain_value", "quoted", "read_key", "read_value", "row_text",
    "value_text",
]  # fmt: skip

FORMAT = 1
dumps = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode
quoted = json.encoder.encode_basestring
_EXACT = (1 << 53) - 1  # beyond, a reader that takes numbers for doubles would round
_INT_MAX = (1 << 63) - 1
TEXT_FIELDS = ("actor", "command", "args", "message", "schema", "previous")
_WITHHELD = ("rejected", "whole")


@dataclass(frozen=True, slots=True)
class Limits:
    """The most that is taken from outside in one commit."""

    size_bytes: int = 256 << 20
    ops: int = 1_000_000
    columns: int = 32_767  # SQLite's own


LIMITS = Limits()


def encode(commit: Commit) -> str:
    """Return the canonical text of `commit`."""
    words = tuple(getattr(commit, name) for name in TEXT_FIELDS)
    parents = commit.parents.to_json()
    text = compose(commit.lane, commit.seq, parents, commit.hlc, commit.sent_ms, words, encode_ops(commit.ops))
    if not commit.rejected:
        return text
    return f'{text[:-1]},"rejected":{quoted(commit.rejected)},"whole":{quoted(commit.whole)}}}'


def compose(lane: str, seq: int, parents: str, hlc: int, sent_ms: int, words: Iterable[str], ops: str) -> str:
    """Return the canonical text of the commit that has these parts; `words` are its `TEXT_FIELDS`, in their order."""
    actor, command, args, message, schema, previous = words
    said = f',"schema":{quoted(schema)}' if schema else ""
    if previous:
        said += f',"previous":{quoted(previous)}'
    if actor or command or args or message:
        first = zip(TEXT_FIELDS, (actor, command, args, message), strict=False)
        said = "".join([f',"{name}":{quoted(word)}' for name, word in first if word]) + said
    return (
        f'{{"format":{FORMAT},"lane":"{lane}","seq":{seq},"parents":{parents},"hlc":{hlc},"sent_ms":{sent_ms}{said}'
        f',"ops":{ops}}}'
    )


def value_text(value: SqlValue) -> str:
    """Return the canonical text of one value."""
    kind = type(value)
    if kind is str:
        return quoted(value)  # type: ignore[arg-type]  # a str, by kind
    if kind is int and -_EXACT <= value <= _EXACT:  # type: ignore[operator]  # an int, by kind
        return str(value)
    return "null" if value is None else dumps(plain_value(value))


def key_text(key: Key) -> str:
    """Return the canonical text of a key."""
    return value_text(key[0]) if len(key) == 1 else f"[{','.join(map(value_text, key))}]"


def row_text(kind: str, table: str, key: Key, incarnation: int) -> str:
    """Return how the canonical text of an op on one row begins: all of an End but its `]`."""
    return f'["{kind}",{quoted(table)},{key_text(key)},{incarnation}'


def encode_ops(ops: Iterable[Op]) -> str:
    """Return the canonical text of `ops`: a JSON array, one array an op."""
    return dumps([_WRITERS[type(op)](op) for op in ops])


def canonical(row: tuple[str, Key], values: Mapping[str, SqlValue]) -> str:
    """Return the canonical text of a row's values: equal rows give equal texts."""
    table, key = row
    return dumps([table, _key(key), _cells(values)])


def commit_hash(commit: Commit) -> str:
    """Return the SHA-256 of the canonical text, in hex; of a rejected commit that of the text it had as a whole."""
    return commit.whole or hashlib.sha256(encode(commit).encode()).hexdigest()


def decode(text: str | bytes, limits: Limits = LIMITS) -> Commit:
    """Return the commit that `encode` made `text` of. Raises `CommitFormatError` for everything else."""
    data = _loads(text, limits)
    if not isinstance(data, dict):
        raise CommitFormatError(f"{shown(data)} is no commit: those are objects")
    if data.get("format") != FORMAT:
        raise CommitFormatError(
            f"a commit of format {shown(data.get('format'))}; this Eddyline reads format {FORMAT}: a newer one made it"
        )
    unknown = data.keys() - {"format", "lane", "seq", "parents", "hlc", "sent_ms", "ops", *TEXT_FIELDS, *_WITHHELD}
    if unknown:
        raise CommitFormatError(f"a commit has no {', '.join(sorted(unknown))!a:.80}")
    lane, seq = check_lane(data.get("lane")), check_seq(data.get("seq"))
    parents = Vector.read(data.get("parents"))
    if parents[lane] != seq - 1:
        raise CommitFormatError(
            f"{lane}:{seq} has seen {parents[lane]} commits of its own lane; that has to be {seq - 1}"
        )
    ops = _read_ops(data.get("ops"), limits)
    rejected = bool(data.get("rejected"))
    if any(isinstance(op, Withheld) != rejected for op in ops) or rejected != bool(data.get("whole")):
        raise CommitFormatError(f"{lane}:{seq} is neither whole nor rejected: ops without values come with a reason")
    return Commit(
        lane=lane,
        seq=seq,
        parents=parents,
        hlc=_integer(data.get("hlc"), "hlc", 0, STAMP_MAX),
        ops=ops,
        sent_ms=_integer(data.get("sent_ms"), "sent_ms", 0, STAMP_MAX),
        **{name: _text(data.get(name, ""), name) for name in (*TEXT_FIELDS, *_WITHHELD)},
    )


def decode_ops(text: str | bytes, limits: Limits = LIMITS) -> tuple[Op, ...]:
    """Return the ops that `encode_ops` made `text` of. Raises `CommitFormatError` for everything else."""
    return _read_ops(_loads(text, limits), limits)


def _loads(text: str | bytes, limits: Limits) -> Any:  # Any: parsed JSON
    if len(text) > limits.size_bytes:
        raise CommitFormatError(f"a commit of {len(text):,} bytes; the limit is {limits.size_bytes:,}")
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise CommitFormatError(f"{shown(text)} is no commit: {error}") from error


# --- Values --------------------------------------------------------------------------------------------------------


def plain_value(value: SqlValue) -> object:
    """Return `value` as JSON can hold it exactly."""
    kind = type(value)
    if kind is int:
        return value if -_EXACT <= value <= _EXACT else {"i": str(value)}  # type: ignore[operator]  # an int, by kind
    if kind is float:
        return value if math.isfinite(value) else {"r": repr(value)}  # type: ignore[arg-type]  # a float, by kind
    if kind is bytes:
        return {"b": b64encode(value).decode()}  # type: ignore[arg-type]  # bytes, by kind
    return value


def read_value(data: Any) -> SqlValue:  # Any: parsed JSON
    """Return the value that `plain_value` made `data` of. Raises `CommitFormatError`."""
    kind = type(data)
    if kind is str:
        return _text(data, "a value")
    if data is None:
        return None
    if kind is int and -_EXACT <= data <= _EXACT:
        return data  # type: ignore[no-any-return]  # an int, by kind
    if kind is float and math.isfinite(data):
        return data  # type: ignore[no-any-return]  # a float, by kind
    if kind is dict and len(data) == 1:
        ((tag, text),) = data.items()
        if isinstance(text, str) and tag in _TAGS:
            return _TAGS[tag](text)
    raise CommitFormatError(f"{shown(data)} is no value of SQLite's")


def _read_large(text: str) -> int:
    if len(text) <= 20 and text.removeprefix("-").isdigit() and text.isascii():
        number = int(text)
        if abs(number) > _EXACT and -_INT_MAX - 1 <= number <= _INT_MAX:
            return number
    raise CommitFormatError(f"{shown(text)} is no integer of 54 to 64 bits")


def _read_infinite(text: str) -> float:
    if text in {"inf", "-inf"}:
        return float(text)
    raise CommitFormatError(f"{shown(text)} is neither inf nor -inf")


def _read_bytes(text: str) -> bytes:
    try:
        return b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise CommitFormatError(f"{shown(text)} is no base64: {error}") from error


_TAGS: dict[str, Callable[[str], SqlValue]] = {"i": _read_large, "r": _read_infinite, "b": _read_bytes}


def _key(key: Key) -> object:
    return plain_value(key[0]) if len(key) == 1 else [plain_value(value) for value in key]


def read_key(data: Any) -> Key:  # Any: parsed JSON
    if isinstance(data, list):
        if len(data) < 2:
            raise CommitFormatError(f"{shown(data)} is no key: a list holds two values or more")
        return tuple(map(read_value, data))
    return (read_value(data),)


# --- Ops -----------------------------------------------------------------------------------------------------------


def _cells(cells: Mapping[str, SqlValue]) -> dict[str, object]:
    return {column: plain_value(cells[column]) for column in sorted(cells)}


def _row(kind: str, op: Op) -> list[object]:
    return [kind, op.table, _key(op.key), op.incarnation]


_WRITERS: dict[type, Callable[[Any], list[object]]] = {  # Any: each takes the op that it stands beside
    Put: lambda op: [*_row("put", op), _cells(op.cells)],
    End: lambda op: _row("end", op),
    Add: lambda op: [*_row("add", op), op.column, str(op.epoch), plain_value(op.delta)],
    SetUpdate: lambda op: [
        *_row("set", op),
        op.column,
        list(map(json.loads, op.added)),
        list(map(json.loads, op.removed)),
    ],
    PutJoined: lambda op: [*_row("join", op), op.column, op.function, plain_value(op.value)],
    Move: lambda op: [*_row("move", op), op.column, plain_value(op.parent)],
    TextUpdate: lambda op: [*_row("text", op), op.column, op.epoch, b64encode(op.update).decode()],
    Withheld: lambda op: [*_row("withheld", op), list(op.columns), op.ended],
}


def _read_ops(data: Any, limits: Limits) -> tuple[Op, ...]:  # Any: parsed JSON
    if not isinstance(data, list):
        raise CommitFormatError(f"{shown(data)} are no ops: those are a list")
    if len(data) > limits.ops:
        raise CommitFormatError(f"a commit of {len(data):,} ops; the limit is {limits.ops:,}")
    return tuple(_read_op(op, limits) for op in data)


def _read_op(data: Any, limits: Limits) -> Op:  # Any: parsed JSON
    if not isinstance(data, list) or len(data) < 4 or not isinstance(data[0], str):
        raise CommitFormatError(f"{shown(data)} is no op: those are lists of kind, table, key, incarnation and more")
    kind, table, key, incarnation, *rest = data
    row = (_text(table, "a table"), read_key(key), _integer(incarnation, "an incarnation", 1, _INT_MAX))
    if row[2] % 2 == 0:
        raise CommitFormatError(f"incarnation {incarnation} of {table!r}: those that live are odd")
    match kind, rest:
        case "put", [dict() as cells] if len(cells) <= limits.columns:
            return Put(*row, {_text(column, "a column"): read_value(value) for column, value in cells.items()})
        case "end", []:
            return End(*row)
        case "add", [column, epoch, delta]:
            by = read_value(delta)
            if not isinstance(by, int | float) or math.isinf(by):
                raise CommitFormatError(f"a counter grows by a number, not by {shown(by)}")
            return Add(*row, _text(column, "a column"), CommitId.parse(epoch), by)
        case "set", [column, list() as added, list() as removed]:
            elements = tuple(map(_read_element, added)), tuple(map(_read_element, removed))
            return SetUpdate(*row, _text(column, "a column"), *elements)
        case "join", [column, function, value]:
            return PutJoined(*row, _text(column, "a column"), _text(function, "a function"), read_value(value))
        case "move", [column, parent]:
            return Move(*row, _text(column, "a column"), read_value(parent))
        case "text", [column, epoch, str() as update]:
            return TextUpdate(
                *row, _text(column, "a column"), _integer(epoch, "an epoch", 0, _INT_MAX), _read_bytes(update)
            )
        case "withheld", [list() as columns, bool() as ended] if len(columns) <= limits.columns:
            return Withheld(*row, tuple(_text(column, "a column") for column in columns), ended)
    raise CommitFormatError(f"{shown(data)} is no op that this Eddyline knows; a newer one may")


def _read_element(data: object) -> str:
    if type(data) not in {str, int, float, bool}:
        raise CommitFormatError(f"{shown(data)} is no element of a set: those are texts, numbers and booleans")
    return _text(dumps(data), "an element")


def _text(data: object, what: str) -> str:
    if not isinstance(data, str):
        raise CommitFormatError(f"{what} is {shown(data)}; it has to be a text")
    if has_lone_surrogate(data):
        raise CommitFormatError(f"{what} is {data!a:.60}: half a surrogate pair is no text that UTF-8 can hold")
    return data


def _integer(data: object, what: str, least: int, most: int) -> int:
    if type(data) is int and least <= data <= most:
        return data
    raise CommitFormatError(f"{what} is {shown(data)}; it has to be an integer from {least} to {most}")
