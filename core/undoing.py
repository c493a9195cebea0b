"""Undo and redo as the database offers them: find the step, then take it back in one transaction of its own.

The commit names what it is about, so it has to be known before the transaction begins; inside, it is looked for again,
and if something was written in between, the search starts anew.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial

from .errors import ParameterError
from .log.undo import Direction, Step, UndoResult, step_of, take_back
from .origin import Origin
from .write.queue import WriteQueue
from .write.sync import SyncTransaction

__all__ = ["undo"]


async def undo(queue: WriteQueue, direction: Direction, origin: Callable[[str, str], Origin]) -> UndoResult | None:
    """Take back the actor's last step, or make the last one taken back again; `origin` is made of command and args."""
    if queue.writer.journal is None or not queue.writer.journal.tables:
        raise ParameterError(
            f"db.{direction} reads the commit log, which this database hasn't got: open it with models and without "
            "log=False, or name tables with db.enable_log(...)"
        )
    actor = origin(direction, "").actor
    while True:
        step = await queue.quiet(lambda conn: step_of(conn, direction, actor))
        if step is None:
            return None
        told = json.dumps({"commits": [[commit.lane, commit.seq] for commit in step.commits]}, separators=(",", ":"))
        result = await queue.run(origin(direction, told), partial(_if_still, queue, direction, actor, step))
        if result is not None:
            return result


def _if_still(
    queue: WriteQueue, direction: Direction, actor: str, step: Step, tx: SyncTransaction
) -> UndoResult | None:
    """Take `step` back, unless another one is next by now."""
    conn, journal = queue.writer.conn, queue.writer.journal
    if journal is None or step_of(conn, direction, actor) != step:
        return None
    return UndoResult(tuple(step.commits), take_back(tx, conn, journal.tables, journal.texts, step.reversed))
