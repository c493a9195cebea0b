from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eddyline.core.errors import FrameError
from eddyline.core.log.envelopes import Envelope
from eddyline.core.log.fates import Fate
from eddyline.core.log.vector import CommitId, Lane, Vector
from eddyline.core.sync import frames as f

A, B = Lane("0" * 25 + "A"), Lane("0" * 25 + "B")
MESSAGES: list[f.Message] = [
    f.Hello(1, "tracker", "r1", "5f", "00ff", Vector({A: 2}), "t", "b", 3, 9, f.Limits(frame_bytes=9_000)),
    f.Hello(1, "tracker", "r1", "5f", "00ff"),
    f.Welcome(1, "b", 1, "s1", "ada", 5),
    f.Welcome(1, "b", 1, "s1", "ada", 5, Vector({A: 1, B: 2}), asks=True),
    f.Refuse("token-expired", "the token ended at noon", 500),
    f.Commits('{"a":1}\n{"b":"\\n"}', (Envelope(CommitId(A, 1), 7), Envelope(CommitId(B, 2), None, "no")), 3, 4),
    f.Commits(),
    f.Have(Vector({B: 9}), 2),
    f.Transfer("snapshot/1", "snapshot", Vector({A: 1}), 2, 300, ("issue",)),
    f.Staged("snapshot/1", 3),
    f.Segment("snapshot/1", 0, last=True, data=b"\x00\n\xff"),
    f.Segment("snapshot/1", 1),
    f.AskHave(1),
    f.AskFates((CommitId(A, 1), CommitId(B, 2))),
    f.Fates((Fate(CommitId(A, 1), "rejected", "not yours"), Fate(CommitId(B, 2), "pending"))),
    f.Digest("00ff", 2, {"issue": "01"}),
    f.Mismatch(("issue",)),
    f.Resync(("issue",)),
    f.Present('{"row":"é"}'),
    f.Presence((f.Seat("s1", "ada", "{}"), f.Seat("s2")), reset=True),
    f.Fetch(1, '{"table":"issue"}'),
    f.Rows(1, '["a",1]\n["b",2]', ("title", "n"), last=True),
    f.Failed(1, "QueryError", "no such table"),
    f.Cancel(1),
    f.Ping(5),
    f.Pong(5),
]


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message.type)
def test_what_is_encoded_is_decoded(message: f.Message) -> None:
    assert f.decode(f.encode(message, 7)) == (7, message)


def test_every_message_is_among_those_that_are_tested() -> None:
    assert {type(message) for message in MESSAGES} == set(get_args(f.Message))


def test_text_is_written_out_and_defaults_are_left_out() -> None:
    assert f.encode(f.Have(Vector({B: 1, A: 2})), 3) == (f'{{"n":3,"t":"have","vector":{{"{A}":2,"{B}":1}}}}')


def test_commits_stand_in_the_body_as_they_are() -> None:
    frame = f.encode(f.Commits('{"x":"\\""}\n{"y":1}', (Envelope(CommitId(A, 1), 7),), serial=4), 2)
    assert frame == f'{{"n":2,"t":"commits","envelopes":[["{A}",1,7,""]],"serial":4}}\n{{"x":"\\""}}\n{{"y":1}}'


def test_a_segment_is_binary_behind_its_header() -> None:
    frame = f.encode(f.Segment("commit/x", 2, data=b"\n\x00"), 9)
    assert frame == b'{"n":9,"t":"segment","name":"commit/x","number":2}\n\n\x00'


def test_fields_that_are_not_known_are_ignored() -> None:
    assert f.decode('{"n":1,"t":"ping","at":5,"mood":"fine"}') == (1, f.Ping(5))


@pytest.mark.parametrize(
    "frame",
    [
        "", "{", "[]", "null", "[" * 100_000, b"", b"\xff\xfe",
        '{"n":1}', '{"n":1,"t":"nonsense"}', '{"n":1,"t":["ping"]}', '{"n":1,"t":"ping"}', '{"t":"ping","at":1}',
        '{"n":-1,"t":"ping","at":1}', '{"n":true,"t":"ping","at":1}', '{"n":1,"t":"ping","at":1e3}',
        '{"n":' + "9" * 5_000 + ',"t":"ping","at":1}', '{"n":1,"t":"ping","at":1}\nbody', b'{"n":1,"t":"ping","at":1}',
        '{"n":1,"t":"have","vector":[]}', '{"n":1,"t":"have","vector":{"x":1}}',
        '{"n":1,"t":"have","vector":{"' + A + '":0}}', '{"n":1,"t":"refuse","code":"because","message":""}',
        '{"n":1,"t":"commits","envelopes":[{"clamped":1}]}', '{"n":1,"t":"commits","envelopes":[1]}',
        '{"n":1,"t":"ask-fates","commits":["A:1"]}', '{"n":1,"t":"segment","name":"x","number":0}',
        '{"n":1,"t":"present","state":"\\ud800"}', '{"n":1,"t":"digest","head":"0","serial":0,"tables":{"issue":1}}',
        '{"n":1,"t":"presence","seats":{}}', '{"n":1,"t":"rows","id":1,"last":1}',
    ],
)  # fmt: skip
def test_garbage_is_refused(frame: f.Frame) -> None:
    with pytest.raises(FrameError) as caught:
        f.decode(frame)
    assert caught.value.code == "garbage"


def test_a_frame_is_measured_in_bytes_before_it_is_read() -> None:
    limits = f.Limits(frame_bytes=100)
    assert f.decode('{"n":1,"t":"present","state":"' + "x" * 60 + '"}', limits)[0] == 1
    with pytest.raises(FrameError, match="a frame of 152 bytes; the limit is 100") as caught:
        f.decode('{"n":1,"t":"present","state":"' + "é" * 60 + '"}', limits)
    assert caught.value.code == "too-large"


@given(st.text() | st.binary())
def test_no_bytes_make_decoding_fail_otherwise(frame: f.Frame) -> None:
    with pytest.raises(FrameError):
        f.decode(frame)


def without(frame: f.Frame, at: int) -> f.Frame:
    return frame.replace(frame[at : at + 1], "", 1) if isinstance(frame, str) else frame[:at] + frame[at + 1 :]


@given(st.sampled_from([f.encode(message, 1) for message in MESSAGES]), st.data())
def test_a_damaged_frame_is_decoded_or_refused(frame: f.Frame, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(frame) - 1))
    try:
        number, message = f.decode(without(frame, at))
    except FrameError:
        return
    assert f.decode(f.encode(message, number)) == (number, message)
