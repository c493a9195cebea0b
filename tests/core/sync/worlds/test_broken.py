"""The simulation itself is tested: peers, each broken in one of the ways that matter, are caught by it."""

from __future__ import annotations

from itertools import chain
from typing import Any

import pytest

from eddyline.core.sync import asks as a
from eddyline.core.sync import frames as f
from eddyline.core.sync.client_peer import ClientPeer
from eddyline.core.sync.hub_peer import HubPeer
from eddyline.core.sync.peer import Peer
from eddyline.core.sync.presence import Room
from tests.shrinking import fault

from .generate import random_script
from .store import Store
from .world import run

SEEDS = 1_000
Patch = pytest.MonkeyPatch


def first_caught(*kinds: str, hint: int = 0) -> int:
    """Return the first seed whose script shows a fault of one of `kinds`. `hint` is where to begin."""
    for seed in chain(range(hint, SEEDS), range(hint)):
        if fault(run, random_script(seed)) in kinds:
            return seed
    pytest.fail(f"none of {SEEDS} scripts noticed the broken peer")


def test_an_acknowledgement_before_the_commits_are_stored_is_caught(monkeypatch: Patch) -> None:
    on_commits = Peer._on_commits

    def hasty(self: Peer, message: f.Commits) -> None:
        on_commits(self, message)
        news = {lane: last for lane, _, last in self.theirs.beyond(self._told)}
        self._told |= type(self.theirs)(news)
        self._send(f.Have(type(self.theirs)(news), message.serial))

    monkeypatch.setattr(Peer, "_on_commits", hasty)
    first_caught("acknowledged")


def test_a_frame_that_came_twice_and_is_taken_twice_is_caught(monkeypatch: Patch) -> None:
    receive = Peer._receive

    def twice(self: Peer, frame: f.Frame) -> None:
        number, _ = f.decode(frame, self.limits)
        self._frames_in = min(self._frames_in, number - 1) if number <= self._frames_in else self._frames_in
        receive(self, frame)

    monkeypatch.setattr(Peer, "_receive", twice)
    first_caught("refused", "AssertionError", "memory", hint=165)


def test_a_lost_frame_that_nobody_notices_is_caught(monkeypatch: Patch) -> None:
    receive = Peer._receive

    def blind(self: Peer, frame: f.Frame) -> None:
        number, _ = f.decode(frame, self.limits)
        self._frames_in = max(self._frames_in, number - 1)
        receive(self, frame)

    monkeypatch.setattr(Peer, "_receive", blind)
    first_caught("refused", "convergence", "saved", hint=113)


def test_a_cursor_that_starts_behind_what_is_under_way_at_a_new_connection_is_caught(monkeypatch: Patch) -> None:
    opened = HubPeer._open

    def presuming(self: HubPeer, opening: a.Opened) -> None:
        opened(self, opening)
        if self.state == "open":
            self._sent = self._sent | self.mine
            self._is_dirty = True

    monkeypatch.setattr(HubPeer, "_open", presuming)
    first_caught("convergence", "refused", "saved")


def test_a_client_that_brings_only_what_it_wrote_itself_to_a_restored_hub_is_caught(monkeypatch: Patch) -> None:
    greeted = ClientPeer._greeted

    def selfish(self: ClientPeer, message: f.Message) -> None:
        was_saved = self.standing.saved
        greeted(self, message)
        if self.state == "open":
            self._sent = self._sent | was_saved

    monkeypatch.setattr(ClientPeer, "_greeted", selfish)
    first_caught("lost write", "convergence", "refused", "saved", hint=303)


def test_clamps_that_never_go_back_to_their_author_are_caught(monkeypatch: Patch) -> None:
    opened = HubPeer._open

    def forgetful(self: HubPeer, opening: a.Opened) -> None:
        opened(self, opening)
        self._handed = None  # only those of the commits that are sent

    monkeypatch.setattr(HubPeer, "_open", forgetful)
    first_caught("convergence")


def test_a_window_that_is_not_kept_is_caught(monkeypatch: Patch) -> None:
    receive = Peer._receive

    def eager(self: Peer, frame: f.Frame) -> None:
        self._in_flight_bytes = -1 << 30
        receive(self, frame)

    monkeypatch.setattr(Peer, "_receive", eager)
    first_caught("memory", "refused")


def test_a_transfer_that_begins_anew_over_what_is_staged_is_caught(monkeypatch: Patch) -> None:
    on_staged = Peer._on_staged

    def anew(self: Peer, message: f.Staged) -> None:
        on_staged(self, f.Staged(message.name, 0) if not message.installed and message.count else message)

    monkeypatch.setattr(Peer, "_on_staged", anew)
    first_caught("refused", "AssertionError", hint=28)


def test_a_transfer_that_goes_on_behind_where_it_was_is_caught(monkeypatch: Patch) -> None:
    answer = Store.answer

    def boasting(self: Store, ask: a.Ask, now_ms: int) -> object:
        found = answer(self, ask, now_ms)
        return found + 1 if isinstance(ask, a.StagedCount) and found else found  # type: ignore[operator]  # a count

    monkeypatch.setattr(Store, "answer", boasting)
    first_caught("refused", "AssertionError", hint=28)


def test_a_hub_that_hears_of_its_own_client_alone_is_caught(monkeypatch: Patch) -> None:
    changed = Peer.changed

    def deaf(self: Peer, now_ms: int) -> list[a.Output]:
        return [] if isinstance(self, HubPeer) else changed(self, now_ms)

    monkeypatch.setattr(Peer, "changed", deaf)
    monkeypatch.setattr(HubPeer, "changed", deaf)
    first_caught("convergence", "presence")


def test_presence_that_outlives_its_session_is_caught(monkeypatch: Patch) -> None:
    monkeypatch.setattr(HubPeer, "_close", Peer._close)
    first_caught("presence", "reconnect")


def test_a_room_that_forgets_who_left_too_soon_is_caught(monkeypatch: Patch) -> None:
    since = Room.since

    def hiding(self: Room, version: int, *, but_not: str) -> Any:  # Any: as `since`
        seats, reset = since(self, version, but_not=but_not)
        return tuple(seat for seat in seats if seat.state), reset

    monkeypatch.setattr(Room, "since", hiding)
    first_caught("presence")


def test_an_answer_to_the_wrong_fetch_is_caught(monkeypatch: Patch) -> None:
    send_rows = HubPeer._send_rows
    monkeypatch.setattr(HubPeer, "_send_rows", lambda self, fetch, found: send_rows(self, fetch + 1, found))
    first_caught("fetch", "KeyError")


def test_a_handshake_that_always_sends_the_vector_back_and_forth_is_caught(monkeypatch: Patch) -> None:
    opened = HubPeer._open

    def talkative(self: HubPeer, opening: a.Opened) -> None:
        opened(self, opening)
        self._send(f.Have(self.mine))

    monkeypatch.setattr(HubPeer, "_open", talkative)
    first_caught("reconnect")
