// One query of the reference workload in one peer: first fills, then every write, each timed.
//
//   node run.mjs tanstack|zql WORKLOAD.json  ->  {"first_ms", "fill_ms": [..], "change_us": [..], "shown": [..]} on stdout
//
// A peer module gives open(tables) -> {query(name) -> {rows(), close()} or null, write(kind, table, row, old)}; a change
// is over when the query's subscriber has been called, which both peers do before the write returns.

import { readFileSync } from "node:fs";

const FILLS = 7;
const BUDGET_MS = 30_000;

const [peer, file] = process.argv.slice(2);
const workload = JSON.parse(readFileSync(file, "utf8"));
const tables = Object.fromEntries(
  Object.entries(workload.tables).map(([name, { columns, rows }]) => [
    name,
    rows.map((row) => Object.fromEntries(columns.map((column, at) => [column, row[at]]))),
  ]),
);
const held = Object.fromEntries(
  Object.entries(tables).map(([name, rows]) => [name, new Map(rows.map((row) => [row.id, row]))]),
);

const { open } = await import(`./${peer}.mjs`);
const store = await open(tables);

const timed = async (work) => {
  const started = performance.now();
  const result = await work();
  return [performance.now() - started, result];
};

const [first_ms, first] = await timed(() => store.query(workload.query));
if (first === null) {
  console.log(JSON.stringify({ unsupported: true }));
  process.exit(0);
}
await first.close();
const fill_ms = [];
for (let n = 0; n < FILLS; n++) {
  const [ms, view] = await timed(() => store.query(workload.query));
  fill_ms.push(ms);
  await view.close();
}

let told = 0;
const view = await store.query(workload.query, () => told++);
const toldBefore = told;
const change_us = [];
const until = performance.now() + BUDGET_MS;
for (const [kind, table, id, values] of workload.writes) {
  const old = held[table].get(id);
  const row = kind === "delete" ? old : { ...old, ...values };
  const started = performance.now();
  store.write(kind, table, row, old);
  change_us.push((performance.now() - started) * 1000);
  if (kind === "delete") held[table].delete(id);
  else held[table].set(id, row);
  if (performance.now() > until) break;
}
console.log(
  JSON.stringify({ first_ms, fill_ms, change_us, told: told - toldBefore, shown: view.rows() }),
);
