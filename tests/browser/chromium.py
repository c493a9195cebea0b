"""A real Chromium for tests: one browser, one page with Python in it, and as many more tabs as a test opens.

    test (synchronous)  --run-->  a thread with a loop of its own: Playwright's async API  -->  Chromium
                                                                                 |  loopback
                                                  a server of files: Pyodide of npm, our wheel, pure wheels

Playwright's synchronous API would leave a loop running in the thread of the tests, which pytest-asyncio can't bear.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, TypeVar

import pytest

from tests.patience import PATIENCE_S

T = TypeVar("T")

FLAGS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
).split()
TYPES = {**SimpleHTTPRequestHandler.extensions_map, ".mjs": "text/javascript", ".wasm": "application/wasm"}
WAIT_S = 120


def find_chromium() -> str:
    """Return a Chromium; install Debian's where that is allowed; else skip the test, saying why."""
    found = _installed()
    if found is None and shutil.which("apt-get") and os.geteuid() == 0:
        with (Path(tempfile.gettempdir()) / "eddyline-apt.lock").open("w") as held:
            fcntl.flock(held.fileno(), fcntl.LOCK_EX)  # two suites may run side by side
            if _installed() is None:
                for command in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", "chromium"]):
                    subprocess.run(["apt-get", *command], capture_output=True, timeout=600, check=False)
        found = _installed()
    if found is None:
        pytest.skip("no Chromium here, and none can be installed (that takes root and apt-get)")
    return found


def _installed() -> str | None:
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


class Server:
    """Files of several folders on loopback: `places` maps the first part of a path to a folder."""

    def __init__(self, places: dict[str, Path]) -> None:
        self.places = places
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Files, places))
        self._thread = threading.Thread(target=self._http.serve_forever, daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._http.server_port}"

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


class _Files(SimpleHTTPRequestHandler):
    extensions_map = TYPES

    def __init__(self, places: dict[str, Path], *args: Any) -> None:
        self._places = places
        super().__init__(*args)

    def translate_path(self, path: str) -> str:
        first, _, rest = path.split("?", maxsplit=1)[0].strip("/").partition("/")
        folder = self._places.get(first)
        return str(folder / rest) if folder is not None else str(self._places[""] / first)

    def end_headers(self) -> None:
        self.send_header("Cache-Control", "max-age=600")  # as a real server does: a second tab loads nothing anew
        super().end_headers()

    def log_message(self, *args: Any) -> None:
        pass


class Page:
    """A tab with Python in it. Everything waits for its outcome, and fails with what the page said."""

    def __init__(self, browser: Browser, playwright_page: Any) -> None:  # Any: playwright's Page
        self.browser, self.playwright = browser, playwright_page
        self.said: list[str] = []
        playwright_page.on("console", lambda message: self.said.append(message.text))
        playwright_page.on("pageerror", lambda error: self.said.append(f"error: {error}"))

    def call(self, act: Callable[[Any], Awaitable[T]]) -> T:
        """Run `act(page)` with Playwright's own page: `page.call(lambda p: p.click("#add"))`."""
        return self.browser.run(act(self.playwright))

    def js(self, expression: str, *args: Any) -> Any:
        """Return what JavaScript gives, promises awaited."""
        return self.call(lambda page: page.evaluate(expression, *args))

    def open(self, path: str = "/", *, worker: bool = False) -> None:
        """Load `path` of the server, or a whole URL, and start Python there, in the page or in a worker."""
        self.call(lambda page: page.goto(path if "://" in path else self.browser.url + path))
        self.js(
            """async (worker) => {
                const {start} = await import("/eddyline/boot.mjs")
                window.app = await start(null, {worker})
            }""",
            worker,
        )

    def python(self, code: str) -> Any:
        """Run Python in the page, top-level `await` included; return the value of its last line."""
        return self.js("(code) => app.run(code)", code)

    def until(self, code: str, wanted: Any) -> None:
        """Wait until Python in the page gives `wanted`."""
        end = time.monotonic() + PATIENCE_S
        while (found := self.python(code)) != wanted:
            assert time.monotonic() < end, (found, wanted)
            self.call(lambda page: page.wait_for_timeout(20))

    def wait_for(self, word: str, times: int) -> None:
        """Wait until the page has said lines that begin with `word`, so many of them."""
        end = time.monotonic() + PATIENCE_S
        while sum(line.startswith(word) for line in self.said) < times:
            assert time.monotonic() < end, f"the page has said: {self.said}"
            self.call(lambda page: page.wait_for_timeout(10))

    def crash(self, after_s: float = 0.0) -> None:
        """Kill the tab's process, as a browser short of memory does."""

        async def kill() -> None:
            await asyncio.sleep(after_s)
            session = await self.browser.context.new_cdp_session(self.playwright)
            crashed = asyncio.get_running_loop().create_future()
            self.playwright.once("crash", lambda _: crashed.set_result(None))
            sending = asyncio.ensure_future(session.send("Page.crash"))
            await crashed
            sending.cancel()
            await self.playwright.close()

        self.browser.run(kill())

    def close(self) -> None:
        self.call(lambda page: page.close())


class Browser:
    """One Chromium with one profile."""

    def __init__(self, executable: str, profile: Path, url: str) -> None:
        self.url = url
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._executable, self._profile = executable, profile
        self.context = self.run(self._launch())

    async def _launch(self) -> Any:
        from playwright.async_api import async_playwright

        self._playwright = await async_playwright().start()
        context = await self._playwright.chromium.launch_persistent_context(
            self._profile, executable_path=self._executable, headless=True, args=FLAGS
        )
        context.set_default_timeout(PATIENCE_S * 1000)
        return context

    def run(self, work: Coroutine[Any, Any, T] | Awaitable[T]) -> T:
        """Run `work` on the browser's loop."""

        async def awaited() -> T:
            return await work

        return asyncio.run_coroutine_threadsafe(awaited(), self._loop).result(WAIT_S)

    def tab(self) -> Page:
        """Return a new empty tab."""

        async def opened() -> Page:  # listens to the tab, which asks for a loop on its own thread
            return Page(self, await self.context.new_page())

        return self.run(opened())

    def close(self) -> None:
        self.run(self.context.close())
        self.run(self._playwright.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
