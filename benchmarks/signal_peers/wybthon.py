"""wybthon: the signals of a browser framework after SolidJS, pure Python. Writes wait for a flush: all is a batch."""

from contextlib import nullcontext as batch

from wybthon import create_memo as computed
from wybthon import create_render_effect as effect
from wybthon import create_signal as signal
from wybthon import flush
from wybthon.reactivity import Computation

__all__ = ["READ", "SETTLE", "VALUE", "WRITE", "batch", "close", "computed", "effect", "flush", "signal"]

READ = "S[0]()"
VALUE = "S()"
WRITE = "S[1](V)"
SETTLE = "flush()"


def close(made: Computation) -> None:
    """Close an effect."""
    made.dispose()
