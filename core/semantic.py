"""Semantic types: what a value means beyond how it lies in SQLite. Ours, and what makes a user's own.

    Email = Annotated[str, semantic("Email", check=..., parse=..., widget="email")]

    class Person(Model):
        mail: Column[Email]             to type checkers a str

    check    says whether a value is one, on each write through a model      "no at sign" -> ValidationError
    parse    makes one of what a person types or a file holds                " Ada@Example.org " -> "Ada@example.org"
    show     makes the text that a person reads                              Decimal("1234.5") -> "1,234.50"
    merge    what becomes of two changes made at once, as in column(merge=)
    widget   a hint for forms: "email", "url", "money", or a name of one's own
    sample   makes one for example data out of a `random.Random` and a number

A class of one's own may be held, too: `of` is the plain type in which it lies, `store` and `load` lead there and back.
Comparisons in queries don't check: what is no Email is found nowhere.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from random import Random
from typing import Annotated, Any, Final, Literal, TypeAlias, TypeVar
from urllib.parse import urlsplit, urlunsplit

from .errors import ModelError

__all__ = ["Email", "Money", "Semantic", "Url", "money", "semantic"]

T = TypeVar("T")

Sample: TypeAlias = Callable[[Random, int], Any]
"""Makes a value out of randomness and the number of the row; where the number is used, values differ by row."""


@dataclass(frozen=True, slots=True)
class Semantic:
    """One semantic type, as it stands in `Annotated[...]`. Made by `semantic`."""

    name: str
    check: Callable[[Any], object] | None = None
    parse: Callable[[str], Any] | None = None
    show: Callable[[Any], str] | None = None
    merge: Literal["last", "counter", "set", "order"] | Callable[[Any, Any], Any] | None = None
    widget: str = ""
    sample: Sample | None = None
    of: type | None = None
    store: Callable[[Any], Any] | None = None
    load: Callable[[Any], Any] | None = None
    adds_up: bool = False

    def read_text(self, text: str) -> Any:  # Any: the type that is annotated
        """Return what a person means by `text`. Raises `ValueError`."""
        return text if self.parse is None else self.parse(text)

    def as_text(self, value: Any) -> str:  # Any: as above
        """Return `value` as a person reads it."""
        return str(value) if self.show is None else self.show(value)


def semantic(
    name: str,
    *,
    check: Callable[[Any], object] | None = None,
    parse: Callable[[str], Any] | None = None,
    show: Callable[[Any], str] | None = None,
    merge: Literal["last", "counter", "set", "order"] | Callable[[Any, Any], Any] | None = None,
    widget: str = "",
    sample: Sample | None = None,
    of: type | None = None,
    store: Callable[[Any], Any] | None = None,
    load: Callable[[Any], Any] | None = None,
    adds_up: bool = False,
) -> Semantic:
    """Return a semantic type to annotate with: `Percent = Annotated[int, semantic("Percent", check=...)]`.

    `check` returns False, or raises `ValueError` with the reason, for what is none. `of`, `store` and `load` go
    together: a class of one's own is held as that plain type. `adds_up`: the sum of what is held stands for the sum.
    """
    functions = {"check": check, "parse": parse, "show": show, "sample": sample, "store": store, "load": load}
    if not (type(name) is str and name):
        raise ModelError(f"a semantic type has a name like 'Email', not {name!r:.40}")
    for option, function in functions.items():
        if not (function is None or callable(function)):
            raise ModelError(f"semantic({name!r}, {option}=...) takes a function, not {function!r:.40}")
    if len({of is None, store is None, load is None}) != 1:
        raise ModelError(f"semantic({name!r}): of=, store= and load= go together")
    return Semantic(name, check, parse, show, merge, widget, sample, of, store, load, adds_up)


# --- ours

_MAIL: Final = re.compile(r"[^@\s\x00-\x1f]{1,64}@(?:[^@\s.\x00-\x1f]{1,63}\.)+[^@\s.\x00-\x1f]{2,63}")
_PEOPLE: Final = ("ada", "grace", "alan", "edsger", "barbara", "donald", "radia", "tony", "leslie", "margaret")
_MONEY: Final = re.compile(r"(?P<sign>[-+\u2212]?)(?P<whole>\d[\d., '\u00a0\u202f]*)")


def _is_mail(text: str) -> bool:
    if _MAIL.fullmatch(text) is None:
        raise ValueError("an address is name@example.org")
    return True


def _read_mail(text: str) -> str:
    name, at, host = text.strip().rpartition("@")
    return f"{name}{at}{host.lower()}"


def _is_url(text: str) -> bool:
    parts = urlsplit(text)  # raises ValueError for a bad port or bracket
    if parts.scheme not in ("http", "https") or not parts.hostname or re.search(r"\s", text):
        raise ValueError("an address is https://example.org/...")
    return True


def _read_url(text: str) -> str:
    text = text.strip()
    parts = urlsplit(text if "://" in text else f"https://{text}")
    return urlunsplit(parts._replace(scheme=parts.scheme.lower(), netloc=parts.netloc.lower()))


Email = Annotated[
    str,
    semantic(
        "Email",
        check=_is_mail,
        parse=_read_mail,
        widget="email",
        sample=lambda random, at: f"{_PEOPLE[int(random.random() * len(_PEOPLE))]}.{at}@example.org",
    ),
]
"""A mail address: a text with a name, an at sign and a host."""

Url = Annotated[
    str,
    semantic(
        "Url",
        check=_is_url,
        parse=_read_url,
        widget="url",
        sample=lambda random, at: f"https://example.org/{_PEOPLE[int(random.random() * len(_PEOPLE))]}/{at}",
    ),
]
"""A web address: http or https, and a host."""


def money(name: str = "Money", *, digits: int = 2) -> Semantic:
    """Return an amount of a currency with `digits` behind the point, held as a whole number of its smallest unit.

    `Yen = Annotated[Decimal, money("Yen", digits=0)]`. SQL sums it exactly, and sorts it as the numbers are.
    """
    if not 0 <= digits <= 9:
        raise ModelError(f"an amount has 0 to 9 digits behind the point, not {digits}")
    unit = Decimal(1).scaleb(-digits)

    def store(value: Decimal) -> int:
        if not value.is_finite() or value != (rounded := value.quantize(unit)):
            raise ValueError(f"it has {digits} digits behind the point: round it first")
        return int(rounded.scaleb(digits))

    def parse(text: str) -> Decimal:
        return _read_amount(text, digits).quantize(unit)

    return semantic(
        name,
        parse=parse,
        show=lambda value: f"{value:,.{digits}f}",
        widget="money",
        sample=lambda random, at: Decimal(1 + int(random.random() * 100_000)).scaleb(-digits),
        of=int,
        store=store,
        load=lambda held: Decimal(held).scaleb(-digits),
        adds_up=True,
    )


def _read_amount(text: str, digits: int) -> Decimal:
    """Return the amount in a text like `1,234.50`, `1.234,50 EUR` or `-3`. Raises `ValueError`."""
    found = _MONEY.search(text)
    if found is None:
        raise ValueError(f"{text!r:.40} holds no amount")
    whole = re.sub(r"[ '\u00a0\u202f]", "", found["whole"]).rstrip(".,")
    head, point, tail = whole, "", ""
    last = max(whole.rfind("."), whole.rfind(","))
    if last >= 0 and (len({*whole} & {".", ","}) == 2 or whole.count(whole[last]) == 1) and _ends(whole, last, digits):
        head, point, tail = whole[:last], ".", whole[last + 1 :]
    try:
        amount = Decimal(re.sub(r"[.,]", "", head) + point + tail)
    except InvalidOperation:
        raise ValueError(f"{text!r:.40} holds no amount") from None
    if -amount.as_tuple().exponent > digits:  # type: ignore[operator]  # a finite number has a whole exponent
        raise ValueError(f"{text!r:.40} has more than {digits} digits behind the point")
    return -amount if found["sign"] in ("-", "\u2212") else amount


def _ends(whole: str, last: int, digits: int) -> bool:
    """Say whether the separator at `last` is the point: three digits behind a lone one group thousands."""
    lone = len({*whole} & {".", ","}) == 1
    return not (lone and len(whole) - last - 1 == 3 and digits != 3)


Money = Annotated[Decimal, money()]
"""An amount of money with two digits behind the point."""
