"""`keyed(view)`: lists derived from a live query follow its patches."""

from __future__ import annotations

from eddyline import Database
from eddyline.signals import Insert, Move, Patch, Reset, Update, keyed


async def test_lists_derived_from_a_view_follow_each_commit_by_patches() -> None:
    db = await Database.open(":memory:")
    await db.execute("CREATE TABLE task (id INTEGER PRIMARY KEY, title TEXT, done INTEGER)")
    await db.write(lambda tx: tx.executemany("INSERT INTO task VALUES (?, ?, ?)", [(1, "tea", 0), (2, "milk", 1)]))
    view = await db.live("SELECT id, title, done FROM task ORDER BY id")
    calls: list[str] = []

    def shout(title: str) -> str:
        calls.append(title)
        return title.upper()

    titles = keyed(view).filter(lambda row: not row["done"]).map(lambda row: shout(row["title"])).sorted()
    per = keyed(view).group(lambda row: row["done"]).map(lambda group: (group.key, len(group)))
    told: list[tuple[Patch, ...]] = []
    stop = titles.subscribe(told.append)
    assert [titles.rows(), per.rows()] == [("TEA",), ((0, 1), (1, 1))]

    await db.execute("UPDATE task SET done = 0 WHERE id = 2")
    await db.execute("INSERT INTO task VALUES (3, 'rice', 1)")
    await db.execute("UPDATE task SET title = 'zest' WHERE id = 2")

    assert [titles.rows(), per.rows()] == [("TEA", "ZEST"), ((0, 2), (1, 1))]
    assert calls == ["tea", "milk", "zest"]
    tea, milk, _ = view.keys()
    assert told == [
        (Reset(["TEA"], [tea]),),
        (Insert(0, "MILK", milk),),
        (Move(0, 1, milk), Update(1, "ZEST", (), milk)),
    ]
    stop()
    view.close()
    await db.close()
    assert titles == ["TEA", "ZEST"]
