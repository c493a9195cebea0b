"""Incremental view maintenance: plans compiled to delta SQL and small operators. Never knows `write` or `log`."""
