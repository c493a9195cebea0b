"""A world: hubs, clients, what is under way between their peers, and what is checked while a script is lived through.

after every event    what waits to be stored, or is under way, is never more than the windows that were announced;
                     no connection ends because of what a peer itself said
Check, and the end   what a program shows is what its commits make by definition (`tests/log/simulation/spec.py`):
                     so transactions show as a whole, and never before what they follow
the end              all connections hold: all programs have the same commits, clamps and rows; every acknowledged
                     commit is everywhere, but for those that a restored backup has destroyed and nobody else had;
                     digests agree; who reconnects then needs one round trip of less than 1 KB; presence, fetches and
                     fates work
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from random import Random

from eddyline.core.clock import Clock
from eddyline.core.log.commit import CommitId
from eddyline.core.log.fates import Fate
from eddyline.core.log.seal import closed_below, is_closed
from eddyline.core.log.vector import Lane
from eddyline.core.sync import asks as a
from eddyline.core.sync import frames as f
from eddyline.core.sync.client_peer import DIGEST_MS, Calling, ClientPeer
from eddyline.core.sync.hub_peer import HubPeer
from eddyline.core.sync.presence import Room
from tests.log.simulation.author import Edit
from tests.log.simulation.replica import Replica
from tests.log.simulation.spec import dump_of
from tests.log.simulation.store import Disk, Dump
from tests.shrinking import Mismatch

from . import script as s
from .store import Store
from .wire import End, Wire

__all__ = ["World", "run"]

START_MS = 1_700_000_000_000
PROGRAMS_MAX = 8
ROUND_TRIP_BYTES_MAX = 1_000


def run(script: s.Script) -> World:
    """Live through `script`. Raises `Mismatch`, or whatever else goes wrong."""
    world = World(script)
    for step in script.steps:
        world.do(step)
    world.finish()
    return world


@dataclass
class Program:
    """A hub, or a client, or both: its file, its clock, its one connection to its hub, those of its own clients."""

    number: int
    store: Store
    replica: Replica
    hub: Program | None
    wire: Wire | None = None
    room: Room = field(default_factory=Room)
    clients: list[Program] = field(default_factory=list)
    backup: Store | None = None
    seats: tuple[f.Seat, ...] = ()
    fetched: dict[int, a.FetchNews] = field(default_factory=dict)
    fates: dict[CommitId, Fate] = field(default_factory=dict)

    @property
    def disk(self) -> Disk:
        """What it has."""
        return self.store.disk

    @property
    def peer(self) -> ClientPeer | None:
        """Its end of its connection."""
        if self.wire is None or not self.wire.is_open:
            return None
        assert isinstance(self.wire.client.peer, ClientPeer)
        return self.wire.client.peer


class World:
    """Some programs. `trace` is what was said, `seen` counts what there was to see."""

    def __init__(self, script: s.Script) -> None:
        self.now = START_MS
        self.trace: list[f.Frame] = []
        self.seen = Counter[str]()
        self._script = script
        self._limits = f.Limits(script.frame_bytes, script.window_bytes, commit_bytes=1 << 20)
        self._lanes = self._epochs = self._sessions = 0
        self._programs: list[Program] = []
        self._acknowledged: set[CommitId] = set()
        self._garbled = False
        self._hubs = script.hubs
        for number in range(script.hubs):
            self._start(Store(f"hub{number}", Disk(), f"backend{number}"), self._programs[0] if number else None)
        for number in range(script.clients):
            self._join(Store(f"client{number}", Disk()))

    def _start(self, store: Store, hub: Program | None) -> Program:
        number = len(self._programs)
        store.snapshot_over = self._script.snapshot_over
        store.refuses = number < self._hubs
        replica = Replica(number, self.new_lane(), lambda: self.now, is_hub=number < self._hubs, disk=store.disk)
        program = Program(number, store, replica, hub)
        self._programs.append(program)
        self._wake_up(program)
        if hub is not None:
            hub.clients.append(program)
        return program

    def _join(self, store: Store) -> None:
        number = len(self._programs)
        self._start(store, self._programs[number % self._hubs])

    def new_lane(self) -> Lane:
        """Return a lane that nobody has written: their order isn't that of their making."""
        self._lanes += 1
        return Lane(f"{self._lanes * 37 % 100:026d}")

    def who(self, number: int) -> Program:
        """Return a program."""
        return self._programs[number % len(self._programs)]

    def client(self, number: int) -> Program:
        """Return a program that has a hub."""
        return self._programs[1 + number % (len(self._programs) - 1)]

    def do(self, step: s.Step) -> None:
        """Do one step."""
        self.seen[type(step).__name__] += 1
        match step:
            case s.Write(who, edits, large):
                self._write(self.who(who), edits, large)
            case s.Run(who, events, order):
                self._run(self.client(who), events, Random(order))
            case s.Lose(who, up, which) if found := self._frames(who, up):
                del found[which % len(found)]
            case s.Double(who, up, which) if found := self._frames(who, up):
                found.insert(which % len(found), found[which % len(found)])
            case s.Swap(who, up, which) if len(found := self._frames(who, up)) > 1:
                at = which % (len(found) - 1)
                found[at], found[at + 1] = found[at + 1], found[at]
            case s.Garble(who, up, which) if found := self._frames(who, up):
                found[which % len(found)] = '{"n":1'
                self._garbled = True
            case s.Cut(who, done) if (wire := self.client(who).wire) is not None:
                wire.cut(done=done)
            case s.Crash(who):
                self._crash(self.who(who))
            case s.Backup(who):
                self.who(who).backup = self.who(who).store.copy()
            case s.Restore(who):
                self._restore(self.who(who))
            case s.Join() if len(self._programs) < PROGRAMS_MAX:
                self._join(Store(f"client{len(self._programs)}", Disk()))
            case s.Copy(who) if len(self._programs) < PROGRAMS_MAX:
                self._copy(self.client(who))
            case s.Skew(who, ms) if self.who(who).number >= self._hubs:
                self.who(who).replica.skew_ms = ms
            case s.Pass(ms):
                self._pass(ms)
            case s.Compact():
                self._compact(self._programs[0])
            case s.Present(who, state) if (peer := self.client(who).peer) is not None:
                self._say(self.client(who), peer.present(state, self._time_of(self.client(who))))
            case s.Fetch(who, query) if (peer := self.client(who).peer) is not None:
                self._say(self.client(who), peer.fetch(query, self._time_of(self.client(who)))[1])
            case s.Check(who):
                self._check(self.who(who))

    # --- what programs do ------------------------------------------------------------------------------------------

    def _write(self, program: Program, edits: tuple[Edit, ...], large: int) -> None:
        if not program.disk.vector >= self._programs[0].disk.horizon:
            return  # one that has never heard of a hub that has forgotten something: its commits wouldn't merge
        if large:
            edits = (Edit("item", "k1", (("title", "x" * large),)), *edits)
        commit = program.replica.write(edits)
        if commit is not None:
            self._acknowledged.add(commit.id)
            self.seen["large commits"] += len(str(commit.ops)) > self._script.frame_bytes
            self._changed(program)

    def _changed(self, program: Program) -> None:
        """Tell every connection of a program that its log has grown, or its room changed."""
        for wire, end in self._ends(program):
            wire.changed(end)

    def _ends(self, program: Program) -> Iterator[tuple[Wire, End]]:
        if program.wire is not None and program.wire.is_open:
            yield program.wire, program.wire.client
        for client in program.clients:
            if client.wire is not None and client.wire.is_open:
                yield client.wire, client.wire.hub

    def _crash(self, program: Program) -> None:
        for wire, _ in list(self._ends(program)):
            wire.cut(done=False)
        program.store.offered.clear()
        program.room = Room()
        self._wake_up(program)

    def _wake_up(self, program: Program) -> None:
        program.replica.disk = program.store.disk
        program.replica.clock = Clock(lambda: self.now + program.replica.skew_ms)
        program.store.disk.seen = self.seen

    def _restore(self, program: Program) -> None:
        if program.backup is None:
            return
        lost = program.disk
        program.store = program.backup.copy()
        self._epochs += 1
        program.store.epoch = 1 + self._epochs
        program.store.begun = program.store.disk.vector
        program.replica.lane = self.new_lane()
        self._crash(program)
        left = [one.disk for one in self._programs]
        self._acknowledged -= {at for at in lost.log if not any(at in disk.vector for disk in left)}
        self.seen["hubs restored"] += program.number < self._hubs

    def _copy(self, program: Program) -> None:
        store = program.store.copy()
        store.replica = f"client{len(self._programs)}"
        store.staged.clear()
        if program.number >= self._hubs:
            self._start(store, program.hub)

    def _compact(self, hub: Program) -> None:
        """Forget in the log of the first hub what all have seen who will still write, by what only a world can know."""
        disks = [program.disk for program in self._programs]
        horizon = hub.disk.vector
        for disk in disks:
            horizon &= disk.vector
        for disk in disks:
            for at, commit in disk.log.items():
                if not all(at in other.vector for other in disks):
                    horizon &= commit.parents
        horizon = closed_below(horizon, hub.disk.parents)
        hub.disk.compact(horizon, horizon)
        for program in self._programs:
            program.backup = None  # a hub that was compacted can't bring it back all that one from before lacks

    # --- the network -----------------------------------------------------------------------------------------------

    def _time_of(self, program: Program) -> int:
        """Return what the clock of a program's connection shows: off as it was when that began, and never set back."""
        assert program.wire is not None
        return program.wire.client.now_ms()

    def _connect(self, program: Program) -> Wire:
        hub = program.hub
        assert hub is not None, "who connects has a hub"
        self._sessions += 1
        self.seen["connections"] += 1
        calling = Calling("w", "t", self._limits)
        skew_ms = program.replica.skew_ms
        here = ClientPeer(calling, self.now + skew_ms)
        there = HubPeer(f"s{self._sessions}", hub.room, self.now, self._limits)
        program.wire = Wire(
            self._end(program, here, lambda: self.now + skew_ms), self._end(hub, there, lambda: self.now)
        )
        return program.wire

    def _end(self, program: Program, peer: ClientPeer | HubPeer, now_ms: Callable[[], int]) -> End:
        def do(ask: a.Ask) -> object:
            before = program.disk.vector, program.store.serial
            result = program.store.answer(ask, self.now)
            self._wake_up_after(program, ask)
            if (program.disk.vector, program.store.serial) != before:
                self._changed(program)
            return result

        return End(peer, do, self._hearer(program), now_ms)

    def _wake_up_after(self, program: Program, ask: a.Ask) -> None:
        program.replica.disk = program.store.disk
        program.store.disk.seen = self.seen
        self.seen[type(ask).__name__] += 1

    def _hearer(self, program: Program) -> Callable[[a.Output], None]:
        def hear(out: a.Output) -> None:
            match out:
                case a.Send(frame):
                    self.trace.append(frame)
                case a.Close(code, message):
                    self._closed(program, code, message)
                case a.Saved(vector):
                    if program.hub is not None and not program.hub.disk.vector >= vector:
                        raise Mismatch("acknowledged", f"the hub of program {program.number} doesn't have {vector}")
                case a.PresenceNews(seats):
                    program.seats = seats
                case a.FetchNews(fetch):
                    program.fetched[fetch] = out
                case a.FateNews(fates):
                    program.fates.update((fate.commit, fate) for fate in fates)
                case a.Wake():
                    self._changed(program)
                case a.Alarm(tables):
                    raise Mismatch("alarm", f"{tables} of program {program.number} differ at equal vectors")
                case a.Restored():
                    self.seen["restored hubs noticed"] += 1

        return hear

    def _closed(self, program: Program, code: str, message: str) -> None:
        self.seen[f"closed {code}"] += 1
        if code and not (code == "garbage" and self._garbled):
            raise Mismatch("refused", f"program {program.number} ends a connection: {code}, {message}")

    def _run(self, program: Program, events: int, rng: Random) -> None:
        wire = program.wire if program.peer is not None else self._connect(program)
        assert wire is not None
        for _ in range(events):
            found = wire.events()
            if not found:
                return
            event, end = rng.choice(found)
            event(end)
            self.now += 1
            most = self._limits.window_bytes + 2 * self._limits.frame_bytes
            if wire.largest > most:
                raise Mismatch("memory", f"{wire.largest:,} bytes are held or under way; {most:,} at most")

    def _frames(self, who: int, up: bool) -> list[f.Frame]:  # as in the steps
        wire = self.client(who).wire
        if wire is None or not wire.is_open:
            return []
        return (wire.hub if up else wire.client).coming

    def _say(self, program: Program, out: list[a.Output]) -> None:
        assert program.wire is not None
        program.wire.say(program.wire.client, out)

    def _pass(self, ms: int) -> None:
        self.now += ms
        for program in self._programs:
            if program.wire is not None and program.wire.is_open:
                program.wire.tick()

    # --- what has to hold ------------------------------------------------------------------------------------------

    def _check(self, program: Program) -> Dump:
        disk = program.disk
        if not is_closed(disk.vector, disk.parents):
            raise Mismatch("causal order", f"program {program.number} is at {disk.vector}, which is no state")
        dump, expected = disk.dump(), dump_of(disk.log, disk.clamps, disk.rejected)
        for part, values in expected.items():
            if dump[part] != values:
                text = f"of program {program.number} are\n    {dump[part]}\nby definition they are\n    {values}"
                raise Mismatch("state", f"the {part} {text}")
        return dump

    def finish(self) -> None:
        """Let all talk, then check what has to hold in the end."""
        self._settle()
        dumps = [self._check(program) for program in self._programs]
        for program, dump in zip(self._programs, dumps, strict=True):
            if dump != dumps[0]:
                raise Mismatch("convergence", f"program {program.number} shows\n{dump}\nprogram 0\n{dumps[0]}")
            lost = sorted(at for at in self._acknowledged if at not in program.disk.vector)
            if lost:
                raise Mismatch("lost write", f"program {program.number} has no {', '.join(map(str, lost))}")
            if program.hub is not None and program.store.standing.saved != program.disk.vector:
                raise Mismatch(
                    "saved",
                    f"program {program.number} knows of {program.store.standing.saved}, not of {program.disk.vector}",
                )
        self._reconnect()
        self._talk()
        for at in (0, DIGEST_MS):
            self._pass(at)
            self._quiet()
        if [program.disk.dump() for program in self._programs] != dumps:
            raise Mismatch("redelivery", "what was said once more has changed something")

    def _settle(self) -> None:
        for _ in range(4 * PROGRAMS_MAX):
            for program in self._programs[1:]:
                if program.peer is None:
                    self._connect(program)
            self._quiet()
            self._pass(20_000)
            self._quiet()
            states = {
                (one.disk.vector, frozenset(one.disk.clamps.items()), frozenset(one.disk.rejected))
                for one in self._programs
            }
            if len(states) == 1 and all(program.peer is not None for program in self._programs[1:]):
                self._pass(1_000)  # what waits for others to join it
                self._quiet()
                return
        raise Mismatch("convergence", "programs that can talk don't come to the same commits")

    def _quiet(self) -> None:
        """Let everything happen that can happen."""
        busy = True
        rng = Random(0)
        while busy:
            busy = False
            for program in self._programs[1:]:
                if program.wire is not None and program.wire.events():
                    self._run(program, 1_000, rng)
                    busy = True

    def _reconnect(self) -> None:
        """Connect anew where there is nothing new."""
        for program in self._programs[1:]:
            assert program.wire is not None
            program.wire.cut(done=True)
        for program in self._programs[1:]:
            wire = self._connect(program)
            self._run(program, 1_000, Random(0))
            if wire.frames != 2 or wire.size_bytes > ROUND_TRIP_BYTES_MAX:
                raise Mismatch(
                    "reconnect", f"{wire.frames} frames and {wire.size_bytes} bytes where there is nothing new"
                )

    def _talk(self) -> None:
        """Let each say something of itself, fetch something and ask for the fate of something."""
        ids = sorted(self._acknowledged)[:3]
        asked: list[int] = []
        for program in self._programs[1:]:
            peer, now = program.peer, self._time_of(program)
            assert peer is not None
            self._say(program, peer.present(f'{{"who":{program.number}}}', now))
            fetch, out = peer.fetch("item", now)
            self._say(program, out)
            self._say(program, peer.ask_fates(tuple(ids), now))
            asked.append(fetch)
        self._quiet()
        for program, fetch in zip(self._programs[1:], asked, strict=True):
            assert program.hub is not None
            if program.fetched[fetch].lines != program.hub.store.fetch("item", 10).lines:
                raise Mismatch("fetch", f"program {program.number} has got {program.fetched[fetch]}")
            if [program.fates[at] for at in ids] != [program.hub.store.fate(at) for at in ids]:
                raise Mismatch("fates", f"program {program.number} hears {program.fates}")
        self._check_seats(but_not=None)
        gone = self._programs[-1]
        assert gone.peer is not None
        self._say(gone, gone.peer.present("", self._time_of(gone)))
        self._check_seats(but_not=gone)

    def _check_seats(self, *, but_not: Program | None) -> None:
        """Hold what each shows of who is there to who is."""
        self._quiet()
        self._pass(100)
        self._quiet()
        for program in self._programs[1:]:
            assert program.hub is not None
            there = [
                f'{{"who":{one.number}}}' for one in program.hub.clients if one is not program and one is not but_not
            ]
            shown = sorted(seat.state for seat in program.seats)
            if shown != sorted(there):
                raise Mismatch("presence", f"program {program.number} sees {shown}, there are {there}")
