"""The oracle: random worlds in which every view is compared with its query, run again by plain SQLite.

A seed makes a `Script`, which is data: it can be run, printed and shrunk.

    schema.py  data.py                      tables of every kind, with triggers and cascades; few values of every type
    query.py  expressions.py                queries with the text that defines them and the worst rule that may keep
    nested.py planned.py  compounds.py      them: first those of delta and key,
    derived.py windows.py stages.py         then those in stages,
    other.py                                and every other form
    shadow.py  writes.py  ddl.py            statements, good and failing, and schema changes, tried on a shadow database
    script.py  author.py                    the script, and who writes it
    world.py  judge.py  alike.py            a script lived through; the comparison after every commit
    shrink.py                               the smallest script that still fails
"""
