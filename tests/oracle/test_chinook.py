"""A shop's dashboard: 25 queries on a foreign database, live while a script sells, refunds, renames and deletes.

After each transaction every view equals its text, run by a plain connection, row by row and in order; the patches that
a subscriber got lead from the old rows to the new ones.
"""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from eddyline import Database, Patch, SyncTransaction, View
from eddyline.signals import apply_patches

from .alike import alike

CHINOOK = Path(__file__).parents[2].parent / "shared" / "data" / "chinook.sqlite"
TRANSACTIONS = 150
SOAK_TRANSACTIONS = 5_000
REVENUE = "round(sum(l.UnitPrice * l.Quantity), 2)"

DASHBOARD = {
    "best customers": """
        SELECT c.CustomerId, c.FirstName || ' ' || c.LastName AS name, round(sum(i.Total), 2) AS spent
        FROM Customer c JOIN Invoice i ON i.CustomerId = c.CustomerId
        GROUP BY c.CustomerId ORDER BY spent DESC, c.CustomerId LIMIT 10""",
    "revenue by month": """
        SELECT strftime('%Y-%m', InvoiceDate) AS month, round(sum(Total), 2) AS revenue, count(*) AS invoices
        FROM Invoice GROUP BY month ORDER BY month""",
    "revenue by country": """
        SELECT BillingCountry, round(sum(Total), 2) AS revenue, avg(Total) AS mean
        FROM Invoice GROUP BY BillingCountry HAVING count(*) > 5 ORDER BY revenue DESC, BillingCountry""",
    "tracks never sold": """
        SELECT t.TrackId, t.Name FROM Track t LEFT JOIN InvoiceLine l ON l.TrackId = t.TrackId
        WHERE l.InvoiceLineId IS NULL ORDER BY t.Name, t.TrackId LIMIT 25""",
    "longest playlists": """
        SELECT p.Name, p.PlaylistId, count(*) AS tracks, sum(t.Milliseconds) / 60000 AS minutes
        FROM Playlist p JOIN PlaylistTrack x ON x.PlaylistId = p.PlaylistId JOIN Track t ON t.TrackId = x.TrackId
        GROUP BY p.PlaylistId ORDER BY minutes DESC, p.PlaylistId""",
    "running total": """
        SELECT InvoiceId, round(sum(Total) OVER (ORDER BY InvoiceDate, InvoiceId), 2) AS so_far
        FROM Invoice ORDER BY InvoiceId DESC LIMIT 20""",
    "genres by units": f"""
        SELECT g.Name, sum(l.Quantity) AS units, {REVENUE} AS revenue
        FROM Genre g JOIN Track t USING (GenreId) JOIN InvoiceLine l USING (TrackId)
        GROUP BY g.GenreId ORDER BY units DESC, g.Name""",
    "top artists": f"""
        SELECT r.Name, {REVENUE} AS revenue
        FROM Artist r JOIN Album a ON a.ArtistId = r.ArtistId JOIN Track t ON t.AlbumId = a.AlbumId
        JOIN InvoiceLine l ON l.TrackId = t.TrackId
        GROUP BY r.ArtistId ORDER BY revenue DESC, r.Name LIMIT 10""",
    "albums": """
        SELECT a.Title, r.Name, count(t.TrackId) AS tracks
        FROM Album a JOIN Artist r ON r.ArtistId = a.ArtistId LEFT JOIN Track t ON t.AlbumId = a.AlbumId
        GROUP BY a.AlbumId ORDER BY tracks DESC, a.Title, a.AlbumId LIMIT 15""",
    "sales by agent": """
        SELECT e.LastName, count(DISTINCT c.CustomerId) AS customers, round(total(i.Total), 2) AS sold
        FROM Employee e LEFT JOIN Customer c ON c.SupportRepId = e.EmployeeId
        LEFT JOIN Invoice i ON i.CustomerId = c.CustomerId
        GROUP BY e.EmployeeId ORDER BY sold DESC, e.EmployeeId""",
    "quiet customers": """
        SELECT CustomerId, Email FROM Customer c
        WHERE NOT EXISTS (SELECT 1 FROM Invoice i WHERE i.CustomerId = c.CustomerId AND i.InvoiceDate >= '2013-06-01')
        ORDER BY Email COLLATE NOCASE, CustomerId""",
    "media": """
        SELECT m.Name, count(*) AS tracks, max(t.Bytes) AS largest, min(t.UnitPrice) AS cheapest
        FROM MediaType m JOIN Track t ON t.MediaTypeId = m.MediaTypeId GROUP BY m.MediaTypeId ORDER BY m.Name""",
    "basket sizes": """
        SELECT lines, count(*) AS invoices
        FROM (SELECT count(*) AS lines FROM InvoiceLine GROUP BY InvoiceId) GROUP BY lines ORDER BY lines""",
    "latest invoices": """
        SELECT i.InvoiceId, i.InvoiceDate, c.LastName, i.Total
        FROM Invoice i JOIN Customer c ON c.CustomerId = i.CustomerId
        ORDER BY i.InvoiceDate DESC, i.InvoiceId DESC LIMIT 10""",
    "long tracks of long albums": """
        SELECT t.TrackId, t.Name FROM Track t
        WHERE t.Milliseconds > 4 * (SELECT avg(u.Milliseconds) FROM Track u WHERE u.AlbumId = t.AlbumId)
        ORDER BY t.TrackId""",
    "no composer": """
        SELECT g.Name, count(*) FILTER (WHERE t.Composer IS NULL) AS unknown, count(*) AS tracks
        FROM Track t JOIN Genre g ON g.GenreId = t.GenreId GROUP BY t.GenreId ORDER BY unknown DESC, g.Name""",
    "rank in the country": """
        SELECT InvoiceId, BillingCountry,
               rank() OVER (PARTITION BY BillingCountry ORDER BY Total DESC, InvoiceId) AS place
        FROM Invoice ORDER BY BillingCountry, place, InvoiceId LIMIT 40""",
    "price tiers": """
        SELECT CASE WHEN UnitPrice < 1 THEN 'cheap' WHEN UnitPrice < 2 THEN 'usual' ELSE 'dear' END AS tier,
               count(*) AS tracks, group_concat(DISTINCT MediaTypeId) IS NOT NULL AS any_media
        FROM Track GROUP BY tier ORDER BY tier""",
    "countries": "SELECT DISTINCT Country FROM Customer ORDER BY Country",
    "places": """
        SELECT City FROM Customer UNION SELECT City FROM Employee ORDER BY City""",
    "in no playlist": """
        SELECT TrackId, Name FROM Track WHERE TrackId NOT IN (SELECT TrackId FROM PlaylistTrack) ORDER BY TrackId""",
    "busiest days": """
        SELECT date(InvoiceDate) AS day, count(*) AS invoices FROM Invoice GROUP BY day
        ORDER BY invoices DESC, day DESC LIMIT 10""",
    "composers": """
        SELECT Composer, count(*) AS tracks FROM Track WHERE Composer IS NOT NULL
        GROUP BY Composer ORDER BY tracks DESC, Composer LIMIT 12""",
    "above the mean": """
        WITH spent AS (SELECT CustomerId, sum(Total) AS sum FROM Invoice GROUP BY CustomerId)
        SELECT CustomerId, round(sum, 2) AS spent FROM spent
        WHERE sum > 1.02 * (SELECT avg(sum) FROM spent) ORDER BY CustomerId""",
    "chain of command": """
        WITH RECURSIVE chain(id, name, depth) AS (
            SELECT EmployeeId, LastName, 0 FROM Employee WHERE ReportsTo IS NULL
            UNION ALL SELECT e.EmployeeId, e.LastName, depth + 1 FROM Employee e JOIN chain ON e.ReportsTo = chain.id)
        SELECT name, depth FROM chain ORDER BY depth, name""",
}


class Shop:
    """What happens in the shop, one synchronous transaction each."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng

    def step(self) -> Callable[[SyncTransaction], None]:
        """Return the next thing that happens."""
        deeds = (
            self.sell,
            self.sell,
            self.sell,
            self.refund,
            self.rename,
            self.drop,
            self.reprice,
            self.list,
            self.join,
        )
        return self.rng.choice(deeds)

    def one(self, tx: SyncTransaction, sql: str, *args: Any) -> Any:
        """Return one value of a row that is there, chosen at random."""
        rows = tx.fetch(f"{sql} ORDER BY 1", *args)
        return self.rng.choice(rows)[0] if rows else None

    def sell(self, tx: SyncTransaction) -> None:
        customer = self.one(tx, "SELECT CustomerId FROM Customer")
        day = f"{self.rng.randint(2012, 2014)}-{self.rng.randint(1, 12):02}-{self.rng.randint(1, 28):02} 00:00:00"
        country = tx.fetch("SELECT Country FROM Customer WHERE CustomerId = ?", customer)[0][0]
        invoice = tx.execute(
            "INSERT INTO Invoice (CustomerId, InvoiceDate, BillingCountry, Total) VALUES (?, ?, ?, 0)",
            customer, day, country,
        ).lastrowid  # fmt: skip
        for _ in range(self.rng.randint(1, 6)):
            track = self.one(tx, "SELECT TrackId FROM Track")
            tx.execute(
                "INSERT INTO InvoiceLine (InvoiceId, TrackId, UnitPrice, Quantity) "
                "SELECT ?, TrackId, UnitPrice, ? FROM Track WHERE TrackId = ?",
                invoice, self.rng.randint(1, 3), track,
            )  # fmt: skip
        tx.execute(
            "UPDATE Invoice SET Total = (SELECT sum(UnitPrice * Quantity) FROM InvoiceLine WHERE InvoiceId = ?) "
            "WHERE InvoiceId = ?", invoice, invoice,
        )  # fmt: skip

    def refund(self, tx: SyncTransaction) -> None:
        invoice = self.one(tx, "SELECT InvoiceId FROM Invoice")
        tx.execute("DELETE FROM InvoiceLine WHERE InvoiceId = ?", invoice)
        tx.execute("DELETE FROM Invoice WHERE InvoiceId = ?", invoice)

    def rename(self, tx: SyncTransaction) -> None:
        table, key, column = self.rng.choice(
            [("Artist", "ArtistId", "Name"), ("Track", "TrackId", "Name"), ("Customer", "CustomerId", "LastName"),
             ("Album", "AlbumId", "Title"), ("Genre", "GenreId", "Name"), ("Employee", "EmployeeId", "LastName"),
             ("Customer", "CustomerId", "City"), ("Track", "TrackId", "Composer")]
        )  # fmt: skip
        name = self.rng.choice(["Ada", "ada", "Zoë", "", "  ", "Øre", f"n{self.rng.randint(0, 99)}"])
        tx.execute(f"UPDATE {table} SET {column} = ? WHERE {key} = ?", name, self.one(tx, f"SELECT {key} FROM {table}"))

    def drop(self, tx: SyncTransaction) -> None:
        track = self.one(tx, "SELECT TrackId FROM Track")
        for table in ("InvoiceLine", "PlaylistTrack", "Track"):
            tx.execute(f"DELETE FROM {table} WHERE TrackId = ?", track)

    def reprice(self, tx: SyncTransaction) -> None:
        genre = self.one(tx, "SELECT GenreId FROM Genre")
        price = self.rng.choice([0.49, 0.99, 1.99, 2.99])
        tx.execute("UPDATE Track SET UnitPrice = ? WHERE GenreId = ? AND TrackId % 3 = 0", price, genre)

    def list(self, tx: SyncTransaction) -> None:
        playlist = self.one(tx, "SELECT PlaylistId FROM Playlist")
        if self.rng.random() < 0.5:
            track = self.one(tx, "SELECT TrackId FROM Track")
            tx.execute("INSERT OR IGNORE INTO PlaylistTrack VALUES (?, ?)", playlist, track)
        else:
            track = self.one(tx, "SELECT TrackId FROM PlaylistTrack WHERE PlaylistId = ?", playlist)
            tx.execute("DELETE FROM PlaylistTrack WHERE PlaylistId = ? AND TrackId = ?", playlist, track)

    def join(self, tx: SyncTransaction) -> None:
        agent = self.one(tx, "SELECT EmployeeId FROM Employee")
        country = self.rng.choice(["Chile", "Norway", "Narnia"])
        tx.execute(
            "INSERT INTO Customer (FirstName, LastName, Country, City, Email, SupportRepId) VALUES (?, ?, ?, ?, ?, ?)",
            "New", f"Person {self.rng.randint(0, 9)}", country, "Town", f"n{self.rng.random()}@x", agent,
        )  # fmt: skip


class Panel:
    """One view, and the rows that its patches lead to."""

    def __init__(self, name: str, sql: str, view: View[Any]) -> None:
        self.name, self.sql, self.view = name, sql, view
        self.rows: list[Any] = []
        self.keys: list[Any] = []
        view.subscribe(self.take)

    def take(self, patches: list[Patch]) -> None:
        apply_patches(patches, self.rows, self.keys)

    def check(self, plain: sqlite3.Connection, where: str) -> None:
        wanted = plain.execute(self.sql).fetchall()
        assert self.view.status == "live", f"{where}: {self.name} is {self.view.status}: {self.view.error}"
        assert alike(self.view.rows(), wanted, ()), f"{where}: {self.name} shows other rows than its query gives"
        assert alike(self.rows, wanted, ()), f"{where}: the patches of {self.name} lead to other rows"


async def run_shop(path: Path, *, seed: int, transactions: int) -> Counter[str]:
    """Open the dashboard on `path`, do `transactions`; return how many views are kept by each rule."""
    shop = Shop(random.Random(seed))
    async with await Database.open(path) as db:
        panels = [Panel(name, sql, await db.live(sql)) for name, sql in DASHBOARD.items()]
        with closing(sqlite3.connect(path)) as plain:
            for number in range(transactions):
                deed = shop.step()
                await db.write(deed)
                await db.settled()
                for panel in panels:
                    panel.check(plain, f"seed {seed}, transaction {number} ({deed.__name__})")
        repaired = {panel.name: n for panel in panels if (n := panel.view.explain().data["repairs"])}
        assert repaired == {}
        return Counter(panel.view.explain().data["rule"] for panel in panels)


@pytest.mark.skipif(not CHINOOK.exists(), reason="the chinook database is not beside this checkout")
async def test_the_dashboard_of_a_shop_equals_its_queries_after_every_transaction(tmp_path: Path) -> None:
    path = tmp_path / "shop.db"
    shutil.copyfile(CHINOOK, path)
    rules = await run_shop(path, seed=7, transactions=TRANSACTIONS)
    assert sum(rules.values()) == 25
    assert rules["re-run"] <= 7, rules


@pytest.mark.soak
@pytest.mark.skipif(not CHINOOK.exists(), reason="the chinook database is not beside this checkout")
async def test_the_dashboard_holds_for_five_thousand_transactions(tmp_path: Path) -> None:
    path = tmp_path / "shop.db"
    shutil.copyfile(CHINOOK, path)
    await run_shop(path, seed=int.from_bytes(os.urandom(4), "big"), transactions=SOAK_TRANSACTIONS)
