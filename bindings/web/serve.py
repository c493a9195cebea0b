"""A server of files for one's own machine: a page with Pyodide in it needs no more, but some types said right."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from eddyline import EddylineError

__all__ = ["serve"]

_TYPES = {".html": "text/html; charset=utf-8", ".mjs": "text/javascript", ".wasm": "application/wasm"}


class _Files(SimpleHTTPRequestHandler):
    extensions_map = {**SimpleHTTPRequestHandler.extensions_map, **_TYPES}  # noqa: RUF012  # as the base has it

    def end_headers(self) -> None:
        self.send_header("Cache-Control", "no-cache")  # asked again each time: what one edits is what one sees
        super().end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # Any: as the base has it
        """Say nothing."""


@contextmanager
def serve(folder: Path, port: int) -> Iterator[str]:
    """Serve `folder` on loopback while the block lasts; give its URL. Port 0 is any free one.

    Raises `EddylineError` where the port can't be had.
    """
    try:
        server = ThreadingHTTPServer(("127.0.0.1", port), partial(_Files, directory=str(folder)))
    except OSError as error:
        raise EddylineError(f"no page can be served at port {port} of this machine: {error.strerror}") from error
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
