"""Bindings: what turns patches and signals into the least work of a user interface toolkit.

Each toolkit has a module of its own here, which imports it; this package itself imports none.
"""
