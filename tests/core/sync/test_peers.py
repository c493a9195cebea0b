"""What the two peers of a connection do, by examples; tests/core/sync/worlds has what random worlds show."""

from __future__ import annotations

import pytest

from eddyline.core.errors import BehindSealError, EddylineError, ForkError
from eddyline.core.log.commit import CommitId
from eddyline.core.log.encoding import encode
from eddyline.core.log.envelopes import Envelope
from eddyline.core.log.fates import Fate
from eddyline.core.log.vector import EMPTY
from eddyline.core.sync import asks as a
from eddyline.core.sync import frames as f
from eddyline.core.sync.client_peer import DIGEST_MS, Calling
from eddyline.core.sync.hub_peer import PRESENCE_MS, HubPeer
from eddyline.core.sync.peer import HANDSHAKE_MS
from eddyline.core.sync.presence import GONE_MAX, Room

from .line import NOW, Line, commit_to, damage, hub_store, lane, store

A, B = lane(1), lane(2)


def synced(commits: int = 1, lanes: int = 1) -> Line:
    """Return a line whose ends have the same and have said so."""
    line = Line()
    for number in range(1, lanes + 1):
        for _ in range(commits):
            commit_to(line.client, lane(number))
    line.run().wait(200)
    assert line.client.disk.vector == line.hub.disk.vector
    return line


def again(line: Line, **other: object) -> Line:
    """Return a new connection of the same two."""
    return Line(line.client, line.hub, now=line.now, **other).run()  # type: ignore[arg-type]  # fields of a line


# --- The handshake -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lanes", [1, 8, 200])
def test_a_reconnection_with_nothing_new_is_one_round_trip_below_1_kb(lanes: int) -> None:
    line = synced(lanes=lanes)
    token = "t" * 300
    line.hub.tokens = frozenset({token})
    line = again(line, calling=Calling("w", token))
    assert line.types("client") == ["hello"]
    assert line.types("hub") == ["welcome"]
    assert sum(line.sizes) < 1_000


def test_a_long_vector_is_sent_when_the_heads_differ() -> None:
    line = synced(lanes=100)
    commit_to(line.hub, B)
    line = again(line)
    assert line.types("client") == ["hello", "have"]
    assert line.types("hub") == ["welcome", "commits"]
    assert line.wait(200).client.disk.vector == line.hub.disk.vector


def refusal(line: Line) -> str:
    """Return the code by which a hub refuses a client, who is told."""
    (refused,) = line.of(a.Refused)
    assert line.ended["client"].code == line.ended["hub"].code == refused.code
    assert refused.message
    return refused.code


@pytest.mark.parametrize(
    "code", ["workspace", "token-missing", "token-expired", "token-invalid", "forbidden", "busy", "closing"]
)
def test_who_is_not_let_in_is_told_why(code: f.Code) -> None:
    line = Line(answers={a.Authorize: a.Refused(code, "no", 500)}).run()
    assert refusal(line) == code
    assert line.of(a.Refused)[0].retry_ms == 500
    assert line.types("hub") == ["refuse"]


def test_another_backend_is_refused() -> None:
    line = synced()
    line.hub.backend = "b2"
    assert refusal(again(line)) == "backend"


def test_another_schema_is_refused() -> None:
    line = Line()
    line.client.schema = "other"
    assert refusal(line.run()) == "schema"


def told(frame: f.Frame, peer: HubPeer | None = None) -> f.Message:
    """Return a hub's last word on a frame."""
    out = (peer or HubPeer("s1", Room(), NOW)).receive(frame, NOW)
    assert isinstance(out[-1], a.Close)
    assert isinstance(out[0], a.Send)
    return f.decode(out[0].frame)[1]


@pytest.mark.parametrize("protocol", [0, f.PROTOCOL + 1])
def test_another_protocol_is_refused(protocol: int) -> None:
    refuse = told(f.encode(f.Hello(protocol, "w", "ada", "5f3a", "00"), 1))
    assert isinstance(refuse, f.Refuse)
    assert refuse.code == "protocol"
    assert refuse.message.startswith(f"protocol {protocol} is asked for; this hub speaks {f.PROTOCOL}: update the")


@pytest.mark.parametrize("frame", ["{", b"x", f.encode(f.Ping(1), 1), f.encode(f.Commits(), 1)])
def test_what_is_no_hello_is_refused_before_there_is_anything(frame: f.Frame) -> None:
    refuse = told(frame)
    assert isinstance(refuse, f.Refuse)
    assert refuse.code == "garbage"


def test_who_says_hello_and_nothing_else_or_nothing_at_all_is_not_waited_for() -> None:
    hub = HubPeer("s1", Room(), NOW)
    assert hub.deadline_ms == NOW + HANDSHAKE_MS
    assert hub.tick(NOW + HANDSHAKE_MS) == [a.Close("", "nothing was heard for 10,000 ms")]


def test_a_token_that_expires_ends_the_session() -> None:
    line = Line(answers={a.Authorize: a.Principal("ada", until_ms=NOW + 1_000)}).run()
    assert line.there.deadline_ms == NOW + 1_000
    assert line.here.state == "open"
    assert refusal(line.wait(1_000)) == "token-expired"


def test_a_session_is_known_by_its_principal() -> None:
    line = Line(answers={a.Authorize: a.Principal("Ada")}).run()
    assert line.of(a.Online) == [a.Online("s1", "Ada", 0)]


# --- Commits -------------------------------------------------------------------------------------------------------


def test_nothing_is_acknowledged_before_it_is_stored() -> None:
    line = Line()
    commit_to(line.client, A)
    while not any(isinstance(ask, a.Admit) for ask in line.asked):
        assert "have" not in line.types("hub")
        line.run(1)
    assert "have" not in line.types("hub")  # stored now, and not answered yet
    assert line.run().types("hub").count("have") == 1


def test_what_is_safe_on_the_hub_is_told_and_remembered() -> None:
    line = synced()
    assert line.of(a.Saved)[-1].vector == line.hub.disk.vector == line.client.standing.saved
    assert line.client.standing == a.Standing("b1", 1, 0, line.hub.disk.vector)


def test_how_far_the_hub_is_now_is_asked_for() -> None:
    line = synced()
    commit_to(line.hub, B)  # and nobody has been told of it
    number, said = line.here.ask_have(NOW)
    line.wire.say(line.wire.client, said)
    line.run()
    assert line.news[-2:] == [a.HubIs(line.hub.disk.vector), a.HaveNews(number)]
    assert line.client.disk.vector != line.hub.disk.vector
    line.changed()
    assert line.client.disk.vector == line.hub.disk.vector


def test_a_commit_of_one_client_comes_to_another() -> None:
    line = synced()
    other = Line(store("bob"), line.hub, room=line.room, session="s2").run()
    assert other.client.disk.vector == line.hub.disk.vector
    assert other.of(a.HubIs)[-1].vector == line.hub.disk.vector
    commit_to(line.client, A)
    line.changed()
    assert other.changed().client.disk.vector == line.client.disk.vector


def test_equal_reads_of_two_sessions_are_equal_asks() -> None:
    line = synced(lanes=3)
    reads = []
    for name in ("bob", "eve"):
        other = Line(store(name), line.hub).run()
        reads.append({ask for ask in other.asked if isinstance(ask, a.ReadCommits) and ask.or_snapshot})
    assert reads[0] == reads[1] != set()


def test_at_most_a_window_is_under_way() -> None:
    limits = f.Limits(frame_bytes=4_096, window_bytes=8_192)
    hub = hub_store()
    for _ in range(60):
        commit_to(hub, A)
    line = Line(hub=hub, limits=limits)
    while "welcome" not in line.types("hub"):
        line.run(1)
    while mine := [event for event, end in line.wire.events() if end is line.wire.hub]:  # the client is stuck
        mine[0](line.wire.hub)
    assert line.types("hub") == ["welcome", "commits", "commits"]
    assert sum(line.sizes[-2:]) < limits.window_bytes


def test_progress_is_told_while_more_is_to_come() -> None:
    hub = hub_store()
    for _ in range(30):
        commit_to(hub, A)
    line = Line(hub=hub, limits=f.Limits(frame_bytes=4_096, window_bytes=8_192)).run()
    told = line.of(a.Progress)
    assert [one.total for one in told] == [30] * len(told)
    assert [one.done for one in told][-1] == 30
    assert len(told) > 3


def test_more_than_the_window_is_a_flood() -> None:
    line = synced()
    body = "\n".join([encode(commit_to(line.client, A)) for _ in range(20)])
    line.there.limits = f.Limits(window_bytes=len(body), frame_bytes=len(body) + 1_000)
    held = []
    while line.there.state != "closed":
        out = line.there.receive(f.encode(f.Commits(body), line.there._frames_in + 1), NOW)
        held.append(line.there.held_bytes)
    assert out[-1] == a.Close("flood", f"more than the window of {len(body):,} bytes was sent")
    assert held == [len(body), 2 * len(body), 0]


def test_a_frame_that_comes_twice_is_ignored_and_one_that_is_lost_ends_the_connection() -> None:
    line = Line().run()
    ping = f.encode(f.Ping(1), line.there._frames_in + 1)
    assert [type(one) for one in line.there.receive(ping, NOW)] == [a.Send]
    assert line.there.receive(ping, NOW) == []
    out = line.there.receive(f.encode(f.Ping(1), line.there._frames_in + 2), NOW)
    assert isinstance(out[-1], a.Close)
    assert out[-1].code == ""
    assert out[-1].message == "frame 3 was lost: frame 4 came"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ForkError("lane written twice"), "fork"),
        (BehindSealError("hadn't seen what was compacted"), "behind"),
        (EddylineError("the disk is full"), "failed"),
        (OSError("/secret/path"), "failed"),
    ],
)
def test_what_fails_on_the_hub_ends_the_connection_by_a_code(error: Exception, code: str) -> None:
    line = Line(answers={a.Admit: error})
    commit_to(line.client, A)
    line.run()
    assert refusal(line) == code
    assert "/secret" not in line.of(a.Refused)[0].message


def test_the_clamp_of_a_hub_comes_back_to_the_author() -> None:
    line = Line()
    commit = commit_to(line.client, A, ahead_ms=3_600_000)
    line.run().wait(200)
    (said,) = line.client.envelopes.values()
    assert said == Envelope(commit.id, clamped=said.clamped)
    assert line.client.disk.clamps == line.hub.disk.clamps != {}
    assert line.client.standing.heard == 1


def test_a_rejection_comes_back_to_the_author_as_a_fate() -> None:
    line = synced()
    commit = CommitId(A, 1)
    line.hub.hear((Envelope(commit, rejected="read only"),))
    line.changed().wait(200)
    assert line.of(a.FateNews) == [a.FateNews((Fate(commit, "rejected", "read only"),))]
    assert again(line).types("hub") == ["welcome"]


def test_fates_are_asked_for_again() -> None:
    line = synced()
    asked = (CommitId(A, 1), CommitId(B, 1))
    line.wire.say(line.wire.client, line.here.ask_fates(asked, NOW))
    line.run()
    assert line.of(a.FateNews) == [a.FateNews((Fate(asked[0], "accepted"), Fate(asked[1], "pending")))]


# --- What is large -------------------------------------------------------------------------------------------------


def test_a_commit_that_fits_into_no_frame_goes_in_segments_and_is_resumed() -> None:
    limits = f.Limits(frame_bytes=4_096, window_bytes=8_192)
    line = Line(limits=limits)
    commit_to(line.client, A, "x" * 40_000)
    while line.types("hub").count("staged") < 5:
        line.run(1)
    line.wire.cut(done=True)
    kept = sum(map(len, line.hub.staged.values()))
    assert kept >= 4
    line = again(line, limits=limits)
    assert line.hub.disk.vector == line.client.disk.vector
    sent = [one.number for one in line.of(f.Segment)]
    assert sent == list(range(kept, 14))
    assert line.hub.staged == {}
    assert line.of(f.Staged)[-1].installed


def test_a_new_client_is_sent_a_snapshot_when_that_is_shorter_and_then_the_rest() -> None:
    line = synced(commits=10)
    line.hub.snapshot_over = 5
    new = Line(store("bob"), line.hub).run()
    assert new.types("hub") == ["welcome", "transfer", "segment", "staged"][:3]
    assert new.client.disk.dump() == line.hub.disk.dump()
    commit_to(line.hub, B, key="k2")
    assert new.changed().client.disk.dump() == line.hub.disk.dump()
    assert [one.unit for one in new.of(a.Progress)] == ["bytes"]


@pytest.mark.parametrize(
    ("offer", "code"),
    [
        (f.Transfer("x", "snapshot", EMPTY), "forbidden"),
        (f.Transfer("x", "commit", EMPTY, size_bytes=65 << 20), "too-large"),
        (f.Segment("x", 0, data=b"x"), "garbage"),
        (f.AskFates((CommitId(A, 1),) * 1_001), "too-large"),
        (f.Hello(f.PROTOCOL, "w", "ada", "5f3a", "00"), "garbage"),
        (f.Commits("{}"), "garbage"),
    ],
)
def test_what_a_hub_does_not_take_is_refused(offer: f.Message, code: str) -> None:
    line = Line().run()
    refuse = told(f.encode(offer, line.there._frames_in + 1), line.there)
    assert isinstance(refuse, f.Refuse)
    assert refuse.code == code


# --- Digests -------------------------------------------------------------------------------------------------------


def test_rows_that_differ_at_equal_vectors_raise_an_alarm_and_are_sent_anew() -> None:
    line = synced()
    good = line.client.disk.copy()
    damage(line.client)
    assert line.client.disk.vector == line.hub.disk.vector
    line.wait(DIGEST_MS)
    assert line.of(a.Alarm) == [a.Alarm(("item",), resync=True)]
    assert line.client.disk.dump() == good.dump()
    assert "digest" in line.types("client")
    line.wait(DIGEST_MS)
    assert len(line.of(a.Alarm)) == 1


def test_rows_that_still_differ_are_not_sent_again_and_again() -> None:
    line = synced()
    digests = iter(range(100))
    line.answers[a.ReadDigests] = lambda: a.Digests(line.hub.disk.vector, 0, {"item": str(next(digests))})
    line.wait(DIGEST_MS).wait(DIGEST_MS).wait(DIGEST_MS)
    assert line.of(a.Alarm) == [a.Alarm(("item",), resync=True), a.Alarm(("item",), resync=False)]
    assert line.types("client").count("resync") == 1


def test_digests_are_compared_once_while_nothing_changes() -> None:
    line = synced()
    for _ in range(5):
        line.wait(DIGEST_MS)
    assert line.types("client").count("digest") == 1


# --- A hub that was restored ---------------------------------------------------------------------------------------


def test_what_a_restored_hub_has_lost_goes_there_again() -> None:
    line = synced()
    backup = line.hub.copy()
    commit_to(line.client, A)
    line.changed()
    backup.epoch = 2
    line = Line(line.client, backup).run()
    assert line.of(a.Restored) == [a.Restored(2)]
    assert line.hub.disk.vector == line.client.disk.vector
    assert line.client.standing == a.Standing("b1", 2, 0, line.client.disk.vector)


def test_what_a_restored_hub_had_said_of_a_commit_that_it_lost_goes_there_again() -> None:
    line = synced()
    backup = line.hub.copy()
    commit = commit_to(line.client, A)
    line.hub.hear((Envelope(commit.id, clamped=9),))
    line.changed().wait(200)
    backup.epoch = 2
    line = Line(line.client, backup).run()
    assert line.hub.envelopes == {commit.id: Envelope(commit.id, clamped=9)}


# --- Fetching, presence, pings -------------------------------------------------------------------------------------


def fetch(line: Line, query: str) -> int:
    """Let the client fetch a query."""
    number, out = line.here.fetch(query, line.now)
    line.wire.say(line.wire.client, out)
    return number


def test_a_fetch_answers_with_rows_or_with_an_error_of_ours() -> None:
    line = synced()
    one, two = fetch(line, "item"), fetch(line, "nothing")
    line.run()
    assert line.of(a.FetchNews) == [
        a.FetchNews(one, ("key",), ('["k1"]',)),
        a.FetchNews(two, error="LogError", message="no table 'nothing'"),
    ]


def test_rows_that_fit_into_no_frame_come_in_several() -> None:
    lines = tuple(f'["{"é" * 500}",{n}]' for n in range(20))
    limits = f.Limits(frame_bytes=4_096, window_bytes=8_192)
    line = Line(answers={a.RunFetch: a.Fetched(("t", "n"), lines)}, limits=limits).run()
    number = fetch(line, "item")
    line.run()
    assert line.of(a.FetchNews) == [a.FetchNews(number, ("t", "n"), lines)]
    assert line.types("hub").count("rows") == 7


def test_too_many_rows_too_many_fetches_and_one_that_was_given_up_are_told_apart() -> None:
    limits = f.Limits(fetches=2, fetch_bytes=100)
    line = Line(answers={a.RunFetch: a.Fetched(("t",), ("x" * 101,))}, limits=limits).run()
    numbers = [fetch(line, "item") for _ in range(4)]
    line.wire.say(line.wire.client, line.here.cancel(numbers[0], NOW))
    line.run()
    assert [(one.id, one.error) for one in line.of(a.FetchNews)] == [(3, "busy"), (4, "busy"), (2, "too-large")]


def test_what_is_fetched_without_a_connection_fails_at_once() -> None:
    line = Line()
    fetch(line, "item")
    assert line.of(a.FetchNews) == [a.FetchNews(1, error="closed", message="the hub can't be reached")]


def test_who_is_present_is_shown_to_others_until_they_leave_or_are_gone() -> None:
    ada = Line().run()
    bob = Line(store("bob"), ada.hub, room=ada.room, session="s2").run()
    for state in ('{"at":1}', '{"at":2}', ""):
        ada.wire.say(ada.wire.client, ada.here.present(state, NOW))
        ada.run()
        bob.changed().wait(PRESENCE_MS)
        assert bob.of(a.PresenceNews)[-1].seats == ((f.Seat("s1", "ada", state),) if state else ())
    ada.wire.say(ada.wire.client, ada.here.present("{}", NOW))
    ada.run()
    assert bob.changed().wait(PRESENCE_MS).of(a.PresenceNews)[-1].seats != ()
    ada.wire.cut(done=False)
    assert bob.changed().wait(PRESENCE_MS).of(a.PresenceNews)[-1].seats == ()
    assert ada.of(a.PresenceNews) == []


def test_states_that_follow_each_other_fast_are_shown_as_the_last_one() -> None:
    ada = Line().run()
    bob = Line(store("bob"), ada.hub, room=ada.room, session="s2").run()
    for at in range(20):
        ada.wire.say(ada.wire.client, ada.here.present(f'{{"at":{at}}}', NOW))
        ada.run()
        bob.changed()
    bob.wait(PRESENCE_MS)
    assert bob.types("hub").count("presence") == 1
    assert bob.of(a.PresenceNews)[-1].seats[0].state == '{"at":19}'


def test_who_has_missed_too_many_leaving_hears_all_anew() -> None:
    room = Room()
    room.put(f.Seat("here", "eve", "{}"))
    bob = Line(room=room).run()
    for number in range(GONE_MAX + 1):
        room.put(f.Seat(f"x{number}", "x", "{}"))
        room.put(f.Seat(f"x{number}", "x"))
    bob.changed().wait(PRESENCE_MS)
    assert bob.of(f.Presence)[-1] == f.Presence((f.Seat("here", "eve", "{}"),), reset=True)
    assert len(room) == 1


def test_a_state_that_is_too_large_is_refused() -> None:
    line = Line(limits=f.Limits(presence_bytes=100)).run()
    line.wire.say(line.wire.client, line.here.present("x" * 101, NOW))
    assert refusal(line.run()) == "too-large"


def test_silence_calls_for_a_ping_and_then_ends_the_connection() -> None:
    line = Line(limits=f.Limits(ping_ms=1_000)).run()
    assert line.wait(1_000).types("client")[-1] == "ping"
    assert line.types("hub")[-1] == "pong"
    assert line.here.deadline_ms == NOW + 2_000
    line.wire.client.coming.clear()
    line.now += 1_000
    line.wire.tick()
    line.wire.hub.coming.clear()  # lost on the way
    line.now += 2_000
    line.wire.tick()
    assert line.ended["client"].message == "nothing was heard for 3,000 ms"
    assert line.ended["hub"].message == "nothing was heard for 3,000 ms"
