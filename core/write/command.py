"""Commands: writing by naming what one does.

    @command
    async def close_issue(tx: Transaction, key: str, reason: str = "") -> Issue:
        return await tx.update(await tx.get(Issue, key), state="closed")

    @close_issue.guard
    async def only_open(tx, key, reason): return (await tx.get(Issue, key)).state == "open" or "it isn't open"

    await db.run(close_issue, key, reason="done")     one transaction; the commit carries name and arguments
    await close_issue(tx, key)                        inside another command or block: a part of that one

A command that is no coroutine function gets a synchronous transaction and runs as one job on the writer's thread: the
cheaper kind. Guards see the state that the command would write to, in the same transaction; all must agree.
Arguments are data, since they are kept: what JSON can say, dates, decimals, enums and bytes, not rows (pass their key).
"""

from __future__ import annotations

import base64
import datetime as dt
import inspect
import json
from collections.abc import Callable, Mapping
from decimal import Decimal
from enum import Enum
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar, overload

from ..errors import ParameterError, RefusedError
from ..values import has_lone_surrogate, shown

__all__ = ["Command", "command"]

P = ParamSpec("P")
R = TypeVar("R")
Tx = TypeVar("Tx")
Guard = TypeVar("Guard", bound=Callable[..., Any])  # Any: a verdict, or an awaitable of one

_ARGS_BYTES_MAX = 1_000_000


class Command(Generic[Tx, P, R]):
    """A named function that writes. `asynchronous` says which kind of transaction it takes."""

    def __init__(self, fn: Callable[Concatenate[Tx, P], R], name: str = "") -> None:
        if not callable(fn):
            raise ParameterError(f"@command goes on a function (tx, ...), not on {shown(fn)}")
        self.fn = fn
        self.name = name or getattr(fn, "__name__", type(fn).__name__)
        self.__doc__ = fn.__doc__
        self.asynchronous = inspect.iscoroutinefunction(fn)
        self._guards: list[Callable[..., Any]] = []
        signature = inspect.signature(fn)
        parameters = list(signature.parameters.values())
        if not parameters or parameters[0].kind not in (
            inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD
        ):  # fmt: skip
            raise ParameterError(f"the command {self.name} takes no transaction: its first parameter is `tx`")
        self._signature = signature.replace(parameters=parameters[1:])

    def guard(self, guard: Guard) -> Guard:
        """Ask `guard(tx, ...)`, with the command's arguments, before each run.

        False, or a text that says why not, refuses with `RefusedError`; so does whatever it raises, as it is.
        """
        if not callable(guard):
            raise ParameterError(f"a guard of {self.name} is a function (tx, ...), not {shown(guard)}")
        if inspect.iscoroutinefunction(guard) and not self.asynchronous:
            raise ParameterError(f"{self.name} is a synchronous command: its guard can't be a coroutine function")
        self._guards.append(guard)
        return guard

    def __call__(self, tx: Tx, /, *args: P.args, **named: P.kwargs) -> R:
        """Run it inside the transaction `tx`, guards first."""
        if self.asynchronous:
            return self._guarded_async(tx, args, named)  # type: ignore[return-value]  # R is that coroutine's type
        for guard in self._guards:
            self._judge(guard(tx, *args, **named))
        return self.fn(tx, *args, **named)

    async def _guarded_async(self, tx: Tx, args: tuple[Any, ...], named: Mapping[str, Any]) -> Any:  # Any: R, awaited
        for guard in self._guards:
            verdict = guard(tx, *args, **named)
            self._judge(await verdict if inspect.isawaitable(verdict) else verdict)
        anything: Any = self.fn  # Any: a coroutine function, by `asynchronous`
        return await anything(tx, *args, **named)

    def _judge(self, verdict: object) -> None:
        if verdict is False or isinstance(verdict, str):
            reason = verdict or "its guard said no"
            raise RefusedError(f"{self.name} was refused: {reason}", command=self.name, reason=reason)

    def arguments(self, args: tuple[Any, ...], named: Mapping[str, Any]) -> str:
        """Return the arguments as a JSON object by name, defaults included. Raises `ParameterError`."""
        try:
            bound = self._signature.bind(*args, **named)
        except TypeError as error:
            raise ParameterError(f"{self.name}{self._signature} doesn't fit: {error}") from None
        bound.apply_defaults()
        data = {name: _plain(value, f"{self.name}: {name}") for name, value in bound.arguments.items()}
        text = json.dumps(data, separators=(",", ":"), ensure_ascii=False)
        if has_lone_surrogate(text):
            raise ParameterError(f"{self.name}: an argument holds half a surrogate pair, which UTF-8 can't hold")
        if len(text) > _ARGS_BYTES_MAX:
            raise ParameterError(
                f"{self.name}: its arguments take {len(text):,} characters; a commit keeps at most "
                f"{_ARGS_BYTES_MAX:,}: pass a key, or write without a command"
            )
        return text

    def __repr__(self) -> str:
        return f"<Command {self.name}{self._signature}>"


@overload
def command(fn: Callable[Concatenate[Tx, P], R], /) -> Command[Tx, P, R]: ...
@overload
def command(*, name: str) -> Callable[[Callable[Concatenate[Tx, P], R]], Command[Tx, P, R]]: ...
def command(fn: Callable[..., Any] | None = None, /, *, name: str = "") -> Any:  # Any: the overloads say which
    """Make a command of a function `fn(tx, ...)`: `@command`, or `@command(name="issue.close")`."""
    return Command(fn, name) if fn is not None else lambda fn: Command(fn, name)


def _plain(value: Any, name: str, depth: int = 0) -> Any:  # Any: users pass what they have
    """Return `value` as JSON has it. Raises `ParameterError` about `name`."""
    if depth > 50:
        raise ParameterError(f"{name} is nested more than 50 deep")
    match value:
        case None | bool() | int() | str() if not isinstance(value, Enum):
            return value
        case Enum():
            return _plain(value.value, name, depth + 1)
        case float():
            if value != value or value in (float("inf"), float("-inf")):
                raise ParameterError(f"{name} is {value}, which JSON can't say")
            return value
        case dt.datetime() | dt.date() | dt.time():
            return value.isoformat()
        case Decimal():
            return str(value)
        case bytes() | bytearray() | memoryview():
            return {"base64": base64.b64encode(bytes(value)).decode("ascii")}
        case dict() if all(isinstance(key, str) for key in value):
            return {key: _plain(one, f"{name}[{key!r}]", depth + 1) for key, one in value.items()}
        case list() | tuple() if type(value) in (list, tuple):
            return [_plain(one, f"{name}[{at}]", depth + 1) for at, one in enumerate(value)]
    raise ParameterError(
        f"{name} is {shown(value)} ({type(value).__name__}), which a commit can't keep; pass data, and of a row its key"
    )
