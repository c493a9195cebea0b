// Zero's zql as its client runs it: memory sources, a pipeline of operators built from the AST, an array view.
// The package exports no such thing, so its files are imported by path. It has no aggregates: Q3 and Q5 can't be asked.

const OUT = new URL("./node_modules/@rocicorp/zero/out/zql/src/", import.meta.url);
const load = (path) => import(new URL(path, OUT));
const { MemorySource } = await load("ivm/memory-source.js");
const { MemoryStorage } = await load("ivm/memory-storage.js");
const { buildPipeline } = await load("builder/builder.js");
const { ArrayView } = await load("ivm/array-view.js");
const { consume } = await load("ivm/stream.js");
const { makeSourceChangeAdd, makeSourceChangeEdit, makeSourceChangeRemove } = await load("ivm/source.js");

const BY_ID = [["id", "asc"]];
const is = (name, value) => ({
  type: "simple",
  op: "=",
  left: { type: "column", name },
  right: { type: "literal", value },
});
const all = (...conditions) => ({ type: "and", conditions });
const to = (table, alias, parent, child, where) => ({
  correlation: { parentField: [parent], childField: [child] },
  subquery: { table, alias, orderBy: BY_ID, where },
});
const one = { singular: true, relationships: {} };
const plain = { singular: false, relationships: {} };

const QUERIES = {
  Q1: {
    ast: { table: "issue", where: is("state", "open"), orderBy: [["priority", "desc"], ...BY_ID], limit: 50 },
    format: plain,
    shown: (row) => [row.id, row.title, row.priority],
  },
  Q2: {
    ast: {
      table: "issue",
      where: all(is("project", 7), is("state", "open")),
      orderBy: BY_ID,
      related: [to("project", "p", "project", "id"), to("user", "u", "owner", "id")],
    },
    format: { singular: false, relationships: { p: one, u: one } },
    shown: (row) => [row.id, row.title, row.priority, row.p.name, row.u.name],
  },
  Q4: {
    ast: {
      table: "issue",
      where: all(is("project", 7), {
        type: "correlatedSubquery",
        op: "EXISTS",
        related: to("comment", "c", "id", "issue", is("author", 3)),
      }),
      orderBy: BY_ID,
    },
    format: plain,
    shown: (row) => [row.id, row.title],
  },
};

export async function open(tables) {
  const sources = {};
  for (const [name, rows] of Object.entries(tables)) {
    const columns = Object.fromEntries(Object.entries(rows[0]).map(([column, value]) => [column, { type: typeof value }]));
    const source = (sources[name] = new MemorySource(name, columns, ["id"]));
    for (const row of rows) consume(source.push(makeSourceChangeAdd(row)));
  }
  const delegate = {
    getSource: (name) => sources[name],
    createStorage: () => new MemoryStorage(),
    decorateInput: (input) => input,
    decorateSourceInput: (input) => input,
    decorateFilterInput: (input) => input,
    addEdge() {},
  };
  let open = null;
  return {
    async query(name, told) {
      const query = QUERIES[name];
      if (query === undefined) return null;
      const input = buildPipeline(query.ast, delegate, name);
      const view = (open = new ArrayView(input, query.format, true, () => {}));
      if (told) view.addListener(told);
      return {
        rows: () => view.data.map(query.shown),
        close: async () => {
          open = null;
          input.destroy();
        },
      };
    },
    write(kind, table, row, old) {
      const change =
        kind === "insert"
          ? makeSourceChangeAdd(row)
          : kind === "delete"
            ? makeSourceChangeRemove(row)
            : makeSourceChangeEdit(row, old);
      consume(sources[table].push(change));
      open?.flush();
    },
  };
}
