"""The demo: an issue tracker, and an explorer for any SQLite database; written with the public names alone."""
