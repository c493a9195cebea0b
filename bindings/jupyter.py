"""What a notebook needs: `from eddyline.bindings.jupyter import LiveTable, bind`. Takes `eddyline[notebook]`."""

from .notebook.bind_widget import Bound, bind
from .notebook.chart import ChartKind, LiveChart, live_chart
from .notebook.table import LiveTable
from .notebook.value import LiveValue

__all__ = ["Bound", "ChartKind", "LiveChart", "LiveTable", "LiveValue", "bind", "live_chart"]
