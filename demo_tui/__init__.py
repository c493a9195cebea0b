"""The demo: any SQLite database in the terminal, live; written with the public names alone, as a user would."""
