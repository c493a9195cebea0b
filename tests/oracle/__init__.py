"""The oracle: random worlds in which every view is compared with its query, run again by plain SQLite.

schema.py   tables with every kind of key, affinity and collation, triggers, cascades
queries.py  queries of every shape, with the rule that must keep them and the text that defines them
writes.py   statements, good and failing, and schema changes
world.py    one seeded run: views, transactions, other connections; the comparison after every commit
"""
