"""What a notebook needs: `from eddyline.bindings.jupyter import LiveTable, bind`. Takes `eddyline[notebook]`."""

from .notebook.bind_widget import Bound, bind
from .notebook.table import LiveTable
from .notebook.value import LiveValue

__all__ = ["Bound", "LiveTable", "LiveValue", "bind"]
