"""Incremental view maintenance: plans compiled to delta SQL and small operators. Floor 5: never knows `write` or `log`."""
