"""Signals: values that others follow. See nodes.py for how, DESIGN.md section 4 for what holds.

count = signal(1)
double = computed(lambda: count() * 2)
effect(lambda: print(double()))        # 2
count.set(4)                           # 8
"""

from .batch import Batch, batch
from .computed import Computed, computed
from .debugging import debug
from .drawing import graph
from .effect import Effect, effect
from .entries import Drop, EntryPatch, Put, apply_entries
from .errors import CycleError, DuplicateKeyError, FlushLimitError, MutatedError
from .history import History, history
from .keyed import Group, Keyed, keyed
from .linked import Linked, linked
from .list_signal import ListSignal
from .listed import ListSource
from .map_signal import MapSignal
from .patch import Insert, Move, Patch, Remove, Reset, Update, apply_patches, diff_keyed
from .readable import Readable
from .resource import Resource, Status, resource
from .schedule import Scheduler, each_turn
from .scope import Scope, current_scope, on_cleanup
from .selector import Selector, selector
from .set_signal import SetSignal
from .signal import Signal, signal
from .source import Source
from .store import ListStore, MapStore, store
from .timing import Clock, ManualClock, Timed, Timer, debounced, throttled
from .trace import Ran, Wrote, trace
from .untracked import untracked
from .watch import Watch, until, watch

__all__ = [
    "Batch",
    "Clock",
    "Computed",
    "CycleError",
    "Drop",
    "DuplicateKeyError",
    "Effect",
    "EntryPatch",
    "FlushLimitError",
    "Group",
    "History",
    "Insert",
    "Keyed",
    "Linked",
    "ListSignal",
    "ListSource",
    "ListStore",
    "ManualClock",
    "MapSignal",
    "MapStore",
    "Move",
    "MutatedError",
    "Patch",
    "Put",
    "Ran",
    "Readable",
    "Remove",
    "Reset",
    "Resource",
    "Scheduler",
    "Scope",
    "Selector",
    "SetSignal",
    "Signal",
    "Source",
    "Status",
    "Timed",
    "Timer",
    "Update",
    "Watch",
    "Wrote",
    "apply_entries",
    "apply_patches",
    "batch",
    "computed",
    "current_scope",
    "debounced",
    "debug",
    "diff_keyed",
    "each_turn",
    "effect",
    "graph",
    "history",
    "keyed",
    "linked",
    "on_cleanup",
    "resource",
    "selector",
    "signal",
    "store",
    "throttled",
    "trace",
    "until",
    "untracked",
    "watch",
]
