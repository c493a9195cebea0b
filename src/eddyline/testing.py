"""For tests of applications that replicate: a server in the process, a network that fails on demand, time by hand."""

from eddyline.bindings.testing import ManualClock, Network, anybody, serving, timing

__all__ = ["ManualClock", "Network", "anybody", "serving", "timing"]
