"""The commit log: what a commit is, how replicas combine commits, and how a database keeps them. Floor 5.

The words are in commit.py and vector.py; encoding.py is their one text for disk, wire and hash.
merge.py and the files of its rules are pure: rows before + commits -> rows after, the same on every replica.
journal.py and its hands are SQL: a transaction becomes a commit, in tables of its own.
"""
