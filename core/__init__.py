"""The engine: plans, live queries, capture and transactions over SQLite. Floors 1 to 8 of `docs/architecture.md`."""
