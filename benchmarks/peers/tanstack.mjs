// TanStack DB with its default settings: collections that are synced from outside, live query collections over them.

import { and, count, createCollection, createLiveQueryCollection, eq, sum } from "@tanstack/db";

const QUERIES = {
  Q1: (q, t) =>
    q
      .from({ i: t.issue })
      .where(({ i }) => eq(i.state, "open"))
      .orderBy(({ i }) => i.priority, "desc")
      .limit(50)
      .select(({ i }) => ({ id: i.id, title: i.title, priority: i.priority })),
  Q2: (q, t) =>
    q
      .from({ i: t.issue })
      .innerJoin({ p: t.project }, ({ i, p }) => eq(i.project, p.id))
      .innerJoin({ u: t.user }, ({ i, u }) => eq(i.owner, u.id))
      .where(({ i }) => and(eq(i.project, 7), eq(i.state, "open")))
      .select(({ i, p, u }) => ({ id: i.id, title: i.title, priority: i.priority, project: p.name, owner: u.name })),
  Q3: (q, t) =>
    q
      .from({ i: t.issue })
      .innerJoin({ p: t.project }, ({ i, p }) => eq(i.project, p.id))
      .where(({ i }) => eq(i.state, "open"))
      .groupBy(({ p }) => p.name)
      .select(({ i, p }) => ({ name: p.name, n: count(i.id), urgency: sum(i.priority) })),
  Q4: (q, t) => // there is no EXISTS: a join and DISTINCT
    q
      .from({ i: t.issue })
      .innerJoin({ c: t.comment }, ({ i, c }) => eq(c.issue, i.id))
      .where(({ i, c }) => and(eq(i.project, 7), eq(c.author, 3)))
      .select(({ i }) => ({ id: i.id, title: i.title }))
      .distinct(),
  Q5: (q, t) =>
    q
      .from({ i: t.issue })
      .leftJoin({ c: t.comment }, ({ i, c }) => eq(c.issue, i.id))
      .where(({ i }) => eq(i.project, 7))
      .groupBy(({ i }) => [i.id, i.title])
      .select(({ i, c }) => ({ id: i.id, title: i.title, n: count(c?.id) }))
      .orderBy(({ $selected }) => $selected.n, "desc")
      .limit(20),
};
const SHOWN = {
  Q1: ["id", "title", "priority"],
  Q2: ["id", "title", "priority", "project", "owner"],
  Q3: ["name", "n", "urgency"],
  Q4: ["id", "title"],
  Q5: ["id", "title", "n"],
};

export async function open(tables) {
  console.warn = () => {}; // it advises indexes: default settings have none
  const handles = {};
  const collections = {};
  for (const [name, rows] of Object.entries(tables)) {
    collections[name] = createCollection({
      id: name,
      getKey: (row) => row.id,
      startSync: true,
      sync: {
        sync: (handle) => {
          handles[name] = handle;
          handle.begin();
          for (const value of rows) handle.write({ type: "insert", value });
          handle.commit();
          handle.markReady();
        },
      },
    });
  }
  return {
    async query(name, told) {
      const view = createLiveQueryCollection({ startSync: true, query: (q) => QUERIES[name](q, collections) });
      await view.toArrayWhenReady();
      const subscription = told && view.subscribeChanges(told);
      return {
        rows: () => view.toArray.map((row) => SHOWN[name].map((column) => row[column])),
        close: async () => {
          subscription?.unsubscribe();
          await view.cleanup();
        },
      };
    },
    write(kind, table, row) {
      const handle = handles[table];
      handle.begin();
      handle.write({ type: kind, value: row });
      handle.commit();
    },
  };
}
