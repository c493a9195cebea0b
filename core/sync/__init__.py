"""Replication without IO: frames, what a peer asks of its driver, and the two peers of a connection.

The protocol is written down in docs/protocol.md.
"""
