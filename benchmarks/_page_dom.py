"""Changes of a page's document from signals, timed inside the page: run there by `browser.py`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

ROUNDS = 9


def dom() -> dict[str, float]:
    """Return milliseconds, the best of some rounds, until the document holds each change."""
    import js

    from eddyline import Scope, batch, signal
    from eddyline.bindings.browser import bind, current_page, mount
    from eddyline.signals import ListSignal

    page, took, turn = current_page(), dict[str, float](), 0
    row = "<template><li><b data-text=n></b> <i data-text=title></i></li></template>"
    js.document.body.insertAdjacentHTML("beforeend", f"<div id=cells></div><ul id=bench>{row}</ul>")
    cells: Any = js.document.querySelector("#cells")  # Any: an element of JavaScript's
    cells.innerHTML = "".join(f"<i id=c{n}></i>" for n in range(1000))
    rows = ListSignal([(n, f"row {n}") for n in range(1000)])
    signals = [signal(0) for _ in range(1000)]

    def timed(name: str, change: Callable[[], object], rounds: int = ROUNDS) -> None:
        best = float("inf")
        for _ in range(rounds):
            began = js.performance.now()
            change()
            page._in_frame()
            best = min(best, js.performance.now() - began)
        took[name] = best

    def bound() -> None:
        for n, one in enumerate(signals):
            bind(f"#c{n}", one)

    def set_cells() -> None:
        nonlocal turn
        turn += 1
        with batch():
            for one in signals:
                one.set(turn)

    def set_rows() -> None:
        nonlocal turn
        turn += 1
        with batch():
            for n in range(1000):
                rows[n] = (n, f"row {n} {turn}")

    def come_and_go() -> None:
        with batch():
            for n in range(100):
                rows.insert(n * 10, (n, "new"))
            for n in range(100):
                rows.pop(n * 9)

    with Scope("bench") as scope:
        timed("1,000 signals bound", lambda: scope.run(bound), 1)
        fields = {"n": lambda row: row[0], "title": lambda row: row[1]}
        timed("1,000 rows mounted", lambda: scope.run(lambda: mount(rows, "#bench", fields=fields)), 1)
        timed("1,000 cells updated", set_cells)
        timed("1,000 rows updated", set_rows)
        timed("100 rows in, 100 out", come_and_go)
    page._in_frame()
    return took
