"""A world: replicas, messages under way, and what is checked while a script is lived through.

after every commit     an author sees what it wrote
Check, and the end     what a replica shows is what its commits make by definition (spec.py): so transactions show as
                       a whole, and never before what they follow
the end                all can talk: all show the same; every acknowledged commit is everywhere, but for those that a
                       restored backup has destroyed; everything sent once more changes nothing
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from eddyline.core.log.commit import Commit, CommitId
from eddyline.core.log.encoding import decode, encode
from eddyline.core.log.seal import closed_below, is_closed, may_drop_ops
from eddyline.core.log.stamps import Header
from eddyline.core.log.vector import EMPTY, Lane, Vector
from tests.shrinking import Mismatch

from . import script as s
from .replica import Message, Replica
from .spec import dump_of, rejected_of
from .store import Disk, Dump

__all__ = ["World", "run"]

START_MS = 1_700_000_000_000
REPLICAS_MAX = 6


def run(script: s.Script) -> World:
    """Live through `script`. Raises `Mismatch`, or whatever else goes wrong."""
    world = World(script.replicas, script.hubs)
    for step in script.steps:
        world.do(step)
    world.finish()
    return world


class World:
    """Some replicas and the network between them. `trace` is what was said, `seen` counts what there was to see."""

    def __init__(self, replicas: int, hubs: int) -> None:
        self.now = START_MS
        self.hubs = hubs
        self.trace: list[str] = []
        self.commits: dict[CommitId, Commit] = {}  # all that were ever written, as a whole
        self.seen = Counter[str]()
        self._lanes = 0
        self._replicas: list[Replica] = []
        self._messages: list[Message] = []
        self._cuts: set[tuple[int, int]] = set()
        self._backups: dict[int, Disk] = {}
        self._acknowledged: set[CommitId] = set()
        for number in range(replicas):
            self._start(Disk(), is_hub=number < hubs)

    def _start(self, disk: Disk, *, is_hub: bool = False) -> None:
        number = len(self._replicas)
        disk.seen = self.seen
        self._replicas.append(Replica(number, self.new_lane(), lambda: self.now, is_hub, disk))

    def new_lane(self) -> Lane:
        """Return a lane that nobody has written: their order isn't that of their making."""
        self._lanes += 1
        return Lane(f"{self._lanes * 37 % 100:026d}")

    def who(self, number: int) -> Replica:
        """Return a replica."""
        return self._replicas[number % len(self._replicas)]

    def do(self, step: s.Step) -> None:
        """Do one step."""
        self.seen[type(step).__name__] += 1
        match step:
            case s.Write(who, edits):
                commit = self.who(who).write(edits)
                if commit is not None:
                    self._acknowledged.add(commit.id)
                    self.commits[commit.id] = commit
                    self.trace.append(encode(commit))
            case s.Send(who, to, most):
                self._send(self.who(who), self.who(to), most)
            case s.Deliver(which, again) if self._messages:
                at = which % len(self._messages)
                message = self._messages[at] if again else self._messages.pop(at)
                self._deliver(message)
            case s.Drop(which) if self._messages:
                self._messages.pop(which % len(self._messages))
            case s.Cut(who, to):
                self._cuts |= {(self.who(a).number, self.who(b).number) for a, b in ((who, to), (to, who))}
            case s.Mend():
                self._cuts.clear()
            case s.Talk():
                self._say_all()
            case s.Crash(who):
                self.who(who).start()
            case s.Backup(who):
                self._backups[self.who(who).number] = self.who(who).disk.copy()
            case s.Restore(who):
                self._restore(self.who(who))
            case s.Copy(who) if len(self._replicas) < REPLICAS_MAX:
                self._start(self.who(who).disk.copy())
            case s.Skew(who, ms) if not self.who(who).is_hub:
                self.who(who).skew_ms = ms
            case s.Pass(ms):
                self.now += ms
            case s.Compact(who):
                self._compact(self.who(who))
            case s.Install(who, source):
                self._install(self.who(who), self.who(source))
            case s.Check(who):
                self._check(self.who(who))

    # --- the network -----------------------------------------------------------------------------------------------

    def _send(self, sender: Replica, to: Replica, most: int) -> None:
        if sender is not to and (sender.number, to.number) not in self._cuts:
            self._messages.append(sender.message_to(to.number, most))

    def _deliver(self, message: Message) -> None:
        if (message.src, message.dst) in self._cuts:
            return
        to = self._replicas[message.dst]
        to.receive(message)
        self.trace.append(f"{message.src} > {message.dst}: {to.disk.vector.to_json()}")

    # --- disks -----------------------------------------------------------------------------------------------------

    def _restore(self, replica: Replica) -> None:
        backup = self._backups.get(replica.number)
        if backup is None:
            return
        lost = replica.disk
        replica.disk = backup.copy()
        replica.disk.seen = self.seen
        replica.lane = self.new_lane()
        replica.start()
        left = [one.disk for one in self._replicas]
        self._acknowledged -= {at for at in lost.log if not any(at in disk.vector for disk in left)}

    def _disks(self) -> Iterator[Disk]:
        yield from (replica.disk for replica in self._replicas)
        yield from self._backups.values()

    def _horizon(self) -> Vector:
        """Return what everybody has seen who will still be heard of, by what only a world can know."""
        disks = list(self._disks())
        horizon = disks[0].vector
        for disk in disks:
            horizon &= disk.vector
        commits = {at: commit for disk in disks for at, commit in disk.log.items()}
        for message in self._messages:
            commits.update((commit.id, commit) for commit in map(decode, message.commits))
        for replica in self._replicas:
            commits.update(replica.inbox)
        for commit in commits.values():
            if not all(commit.id in disk.vector for disk in disks):
                horizon &= commit.parents
        return closed_below(horizon, disks[0].parents)

    def _compact(self, replica: Replica) -> None:
        disk, horizon = replica.disk, self._horizon()
        seal, admitted = disk.vector, disk.vector
        if self.hubs:
            seal = horizon
            for one in self._disks():
                for hub in range(self.hubs):
                    admitted &= one.admitted.get(hub, EMPTY)
        others = (Header(at, commit.parents, commit.hlc) for at, commit in disk.log.items() if at not in seal)
        if may_drop_ops(seal, others, admitted):
            disk.compact(seal, horizon)

    def _install(self, replica: Replica, source: Replica) -> None:
        """Take a snapshot of a source that nothing will be said of any more: of a hub, all hubs."""
        theirs = source.disk
        if source is replica or not all(theirs.admitted.get(hub, EMPTY) >= theirs.vector for hub in range(self.hubs)):
            return
        if replica.disk.horizon <= theirs.vector:
            replica.disk.install(theirs)
            replica.start()
            self.seen["snapshots"] += 1

    # --- what has to hold ------------------------------------------------------------------------------------------

    def _check(self, replica: Replica) -> Dump:
        disk = replica.disk
        if not is_closed(disk.vector, disk.parents) or disk.vector != Vector(
            {lane: max(at.seq for at in disk.log if at.lane == lane) for lane, _ in disk.log}
        ):
            raise Mismatch("causal order", f"replica {replica.number} is at {disk.vector}, which is no state")
        for row, by in disk.group_authors():
            if len(by) > 1:
                raise Mismatch("torn group", f"replica {replica.number} has mixed what {by} wrote of {row}")
        rejected = rejected_of({at: self.commits[at] for at in disk.log}, disk.rejected)
        if not disk.rejected.keys() & disk.log.keys() <= rejected:
            raise Mismatch(
                "rejected", f"replica {replica.number} has rejected {disk.rejected}, by definition {rejected}"
            )
        dump, expected = disk.dump(), dump_of(disk.log, disk.clamps, disk.rejected)
        for part, values in expected.items():
            if dump[part] != values:
                text = f"of replica {replica.number} are\n    {dump[part]}\nby definition they are\n    {values}"
                raise Mismatch("state", f"the {part} {text}")
        return dump

    def finish(self) -> None:
        """Let all talk, then check what has to hold in the end."""
        self._cuts.clear()
        for _ in range(2 * REPLICAS_MAX):
            if self._say_all():
                break
        else:
            raise Mismatch("convergence", "replicas that can talk don't come to the same vector")
        dumps = [self._check(replica) for replica in self._replicas]
        disk = self._replicas[0].disk
        rejected = rejected_of({at: self.commits[at] for at in disk.log}, disk.rejected)
        if rejected != disk.rejected.keys() & disk.log.keys():
            raise Mismatch("rejected", f"all have rejected {sorted(disk.rejected)}, by definition {sorted(rejected)}")
        for replica, dump in zip(self._replicas, dumps, strict=True):
            if dump != dumps[0]:
                raise Mismatch("convergence", f"replica {replica.number} shows\n{dump}\nreplica 0\n{dumps[0]}")
            lost = sorted(at for at in self._acknowledged if at not in replica.disk.vector)
            if lost:
                raise Mismatch("lost write", f"replica {replica.number} has no {', '.join(map(str, lost))}")
        for replica in self._replicas:
            replica.start()
        self._say_all()
        if [replica.disk.dump() for replica in self._replicas] != dumps:
            raise Mismatch("redelivery", "what was sent once more has changed something")

    def _say_all(self) -> bool:
        """Deliver what is under way, then one message between any two; say whether all are equal now."""
        for replica in self._replicas:
            for other in self._replicas:
                self._send(replica, other, 1_000)
        while self._messages:
            self._deliver(self._messages.pop(0))
        vectors = {
            (replica.disk.vector, frozenset(replica.disk.clamps.items()), frozenset(replica.disk.rejected))
            for replica in self._replicas
        }
        return len(vectors) == 1
