"""Replication without IO: frames, what a peer asks of its driver, and the two peers of a connection.

What carries frames is in `transports`.
"""
