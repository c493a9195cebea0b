// FeedRows: what one page has of a list, kept by the messages of a TableFeed (table_feed.py draws the picture).
//
//     take(message)  ->  "same" | "changed" | "gap"        "gap": a message is lost, ask for the window anew
//
// Rows are arrays of cells, `ids[i]` is the number of `rows[i]`, which stands at the place `first + i` of `total`.
// `lit` collects what changed since it was last emptied: number of the row -> set of columns, or null for a new row.
export class FeedRows {
  constructor(id) {
    this.id = id;
    this.n = -1;
    this.first = this.total = 0;
    this.ids = [];
    this.rows = [];
    this.columns = [];
    this.facts = {};
    this.lit = new Map();
  }

  take(message) {
    if (message.op === "rows") return this.takeAll(message);
    if (message.op !== "patch" || message.n <= this.n) return "same";
    if (message.n !== this.n + 1) return "gap";
    this.n = message.n;
    this.note(message);
    const mine = message.windows[this.id];
    if (mine) {
      this.first = mine.first;
      for (const op of mine.ops) this.apply(op);
    }
    return "changed";
  }

  takeAll(message) {
    if (message.to !== this.id && message.to !== "") return "same";
    this.n = message.n;
    this.note(message);
    this.first = message.first;
    this.columns = message.columns;
    this.ids = [...message.ids];
    this.rows = message.rows.map((row) => [...row]);
    this.lit.clear();
    return "changed";
  }

  note({ total, facts }) {
    this.total = total;
    if (facts) this.facts = facts;
  }

  apply(op) {
    const [kind, index] = op;
    if (kind === "u") {
      const row = this.rows[index];
      const id = this.ids[index];
      const before = this.lit.get(id);
      const touched = before === undefined ? new Set() : before;
      for (const at in op[2]) {
        row[at] = op[2][at];
        if (touched) touched.add(Number(at));
      }
      this.lit.set(id, touched);
    } else if (kind === "i") {
      this.ids.splice(index, 0, op[2]);
      this.rows.splice(index, 0, op[3]);
      if (op[4]) this.lit.set(op[2], null);
    } else if (kind === "r") {
      this.lit.delete(this.ids[index]);
      this.ids.splice(index, 1);
      this.rows.splice(index, 1);
    } else if (kind === "m") {
      this.ids.splice(op[2], 0, ...this.ids.splice(index, 1));
      this.rows.splice(op[2], 0, ...this.rows.splice(index, 1));
    } else if (kind === "z") {
      this.ids = op[1];
      this.rows = op[2];
      this.lit.clear();
    }
  }

  // What a notebook that is saved now shows when it is opened again.
  snapshot() {
    const { n, first, total, columns, ids, rows, facts } = this;
    return { op: "rows", to: "", n, first, total, columns, ids, rows, facts };
  }
}

export function cellText(cell) {
  if (cell === null || cell === undefined) return "null";
  return typeof cell === "object" ? cell.t + (cell.cut ? "…" : "") : String(cell);
}

export function cellKind(cell) {
  if (cell === null || cell === undefined) return "null";
  if (typeof cell === "object") return cell.k;
  return { number: "number", boolean: "bool" }[typeof cell] ?? "text";
}
