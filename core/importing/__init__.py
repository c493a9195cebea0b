"""Import: rows of a file become rows of a table, in one transaction.

files.py      which file, which format, how large: the door
records.py    CSV, TSV, JSON, NDJSON  ->  one dict a row, with its place
types.py      what type each column of the file is, as sqlite-utils guesses it
models.py     values as a model holds them
load.py       the write job: table, columns, rows
other.py      tables of another SQLite file
result.py     what it gives back
run.py        reads on a thread, then writes; tells how far it is
"""

from .result import ImportedTable, ImportFormat, ImportResult, Progress

__all__ = ["ImportFormat", "ImportResult", "ImportedTable", "Progress"]
