"""The commit log: what a commit is, how replicas combine commits, and how a database keeps them. Floor 5.

commit.py, vector.py     the words: who wrote what having seen what; one encoding for disk, wire and hash
merge.py and its rules   pure: rows before + commits -> rows after, the same on every replica
"""
