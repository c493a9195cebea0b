"""Origin: who made a commit, and by which command.

    db.transaction("triage")            message
    db.run(close_issue, key)            command and its arguments
    with acting("ada"): ...             actor, of whatever is written in the block

It rides with the open transaction, is shown by `after_commit`, and is what the log writes beside the changed rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from .errors import ParameterError
from .values import shown

__all__ = ["LOG_BEGINS", "NOTHING_SAID", "Origin", "acting", "check_words", "origin_here"]

_WORDS_MAX = 10_000

_actor: ContextVar[str | None] = ContextVar("eddyline_actor", default=None)


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a commit comes from. `args` is a JSON object by the names of the parameters, "" where no command ran."""

    message: str = ""
    actor: str = ""
    command: str = ""
    args: str = ""


NOTHING_SAID = Origin()
LOG_BEGINS = Origin("log begins", command="enable_log")


def check_words(value: object, name: str) -> str:
    """Return `value`, which is a text of at most 10,000 characters. Raises `ParameterError` about `name`."""
    if not isinstance(value, str):
        raise ParameterError(f"{name} is a text, not {shown(value)} ({type(value).__name__})")
    if len(value) > _WORDS_MAX:
        raise ParameterError(f"{name} has {len(value):,} characters; a commit carries at most {_WORDS_MAX:,}")
    return value


@contextmanager
def acting(actor: str) -> Iterator[None]:
    """Write as `actor` in this block, in this task and those started in it; else it is the `actor` of the database."""
    token = _actor.set(check_words(actor, "the actor"))
    try:
        yield
    finally:
        _actor.reset(token)


def origin_here(message: str, actor: str, command: str = "", args: str = "") -> Origin:
    """Return the origin of what the running code writes; `actor` is who acts outside every `acting` block."""
    here = _actor.get()
    actor = actor if here is None else here
    if message == actor == command == "":
        return NOTHING_SAID
    return Origin(check_words(message, "the message"), check_words(actor, "the actor"), command, args)
