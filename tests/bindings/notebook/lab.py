"""A real JupyterLab with notebooks in it, driven through `window.jupyterapp` in a real Chromium.

    Lab(folder).notebook("a.ipynb", [cells])  -->  Notebook(page)     run(2), text(".eddy-row"), commands, save

Keys aren't pressed: one pressed right after a click has been lost.
"""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

from tests.free_port import free_port

from .tools import home, tools

WAIT_S = 90
TRIES = 200
OPTIONS = (
    "--allow-root --no-browser --ip=127.0.0.1 --ServerApp.port_retries=0 --IdentityProvider.token= "
    "--ServerApp.password= --ServerApp.disable_check_xsrf=True --LabApp.expose_app_in_browser=True --LabApp.news_url= "
    "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate"
).split()


def wait_for(url: str, server: subprocess.Popen[bytes]) -> None:
    """Wait until `url` answers. Raises `TimeoutError`, or `RuntimeError` if the server has ended."""
    until = time.monotonic() + WAIT_S
    while time.monotonic() < until:
        if server.poll() is not None:
            raise RuntimeError(f"the server for {url} ended with {server.returncode}")
        try:
            with urlopen(url, timeout=5):
                return
        except (URLError, ConnectionError, TimeoutError):
            time.sleep(0.1)
    raise TimeoutError(url)


class Lab:
    """A JupyterLab that serves `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "notebooks"
        self.folder.mkdir()
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self._log = (folder / "lab.log").open("wb")
        command = [str(tools() / "jupyter-lab"), *OPTIONS, f"--port={port}", f"--ServerApp.root_dir={self.folder}"]
        self._server = subprocess.Popen(command, cwd=folder, env=home(folder), stdout=self._log, stderr=self._log)
        try:
            wait_for(f"{self.url}/api", self._server)
        except BaseException:
            self.close()
            raise

    def write(self, name: str, cells: list[str]) -> None:
        """Put a notebook of these cells into the folder."""
        made: list[dict[str, Any]] = [  # Any: JSON
            {
                "cell_type": "code",
                "execution_count": None,
                "id": f"c{at}",
                "metadata": {},
                "outputs": [],
                "source": cell,
            }
            for at, cell in enumerate(cells)
        ]
        kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
        notebook = {"cells": made, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}
        (self.folder / name).write_text(json.dumps(notebook), encoding="utf-8")

    def close(self) -> None:
        """End it; one that waits in vain for a kernel that is gone is killed. Kernels end with their server."""
        self._server.terminate()
        try:
            self._server.wait(20)
        except subprocess.TimeoutExpired:
            self._server.kill()
            self._server.wait(WAIT_S)
        self._log.close()


RUN = """async (at) => {
    const notebook = window.jupyterapp.shell.currentWidget;
    await notebook.sessionContext.ready;
    notebook.content.activeCellIndex = at;
    await window.jupyterapp.commands.execute("notebook:run-cell");
}"""
SESSION = "window.jupyterapp.shell.currentWidget.sessionContext"


class Notebook:
    """One notebook, open in a tab."""

    def __init__(self, page: Any, lab: Lab, name: str) -> None:  # Any: a Page of chromium.py
        self.page, self.lab, self.name = page, lab, name
        self.open()

    def open(self) -> None:
        """Load the page, as it was saved."""
        self.page.call(lambda page: page.goto(f"{self.lab.url}/lab/tree/{self.name}?reset"))
        self.page.call(lambda page: page.wait_for_selector(".jp-Notebook .jp-Cell"))

    def run(self, at: int) -> None:
        """Run a cell, to its end."""
        self.page.js(RUN, at)

    def start(self, at: int) -> None:
        """Run a cell, and don't wait for its end."""
        self.page.js(f"(at) => {{ ({RUN})(at).catch(() => undefined); }}", at)

    def session(self, call: str) -> None:
        """Have the notebook's session do something: `restartKernel()`, `shutdown()`."""
        self.page.js(f"() => {SESSION}.{call}")

    def wait(self, condition: str) -> None:
        """Wait until an expression of JavaScript holds."""
        try:
            self.page.call(lambda page: page.wait_for_function(condition, timeout=WAIT_S * 1000))
        except Exception as error:
            shown = self.page.js("() => [...document.querySelectorAll('.jp-OutputArea')].map((one) => one.innerText)")
            raise AssertionError(
                f"{condition}: {error}; the cells show {shown}; said: {self.page.said[-5:]}"
            ) from error

    def execute(self, command: str) -> None:
        """Execute a command of JupyterLab."""
        self.page.js("(name) => window.jupyterapp.commands.execute(name)", command)

    def save(self) -> Any:  # Any: JSON
        """Save the notebook; return what is in its file."""
        self.execute("docmanager:save")
        return json.loads((self.lab.folder / self.name).read_text(encoding="utf-8"))

    def until_saved(self, right: Callable[[Any], bool]) -> None:
        """Save until the file is as it should be: what a widget shows gets into its model a little later."""
        for _ in range(TRIES):
            if right(self.save()):
                return
        raise AssertionError(f"saved {TRIES} times, and still not right: {self.save()['metadata']}")

    def output(self, at: int) -> str:
        """Return the text below a cell."""
        text: str = self.page.js(
            "(at) => document.querySelectorAll('.jp-Cell')[at].querySelector('.jp-OutputArea')?.innerText ?? ''", at
        )
        return text
