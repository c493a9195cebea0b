"""What a notebook needs: `from eddyline.bindings.jupyter import LiveTable`. Takes `eddyline[notebook]`."""

from .notebook.table import LiveTable

__all__ = ["LiveTable"]
