// A table that follows a view: virtual scrolling, sort, selection, flashes, cells edited in place.
//
//     FeedRows --(one requestAnimationFrame)--> the rows in sight, one element each, kept by the row's number
//     scroll, sort, select, edit --messages--> Python
//
// Each `render` is a page of its own with its own window; a window that isn't there yet shows "…".
const ROW = 24;
const AROUND = 2; // screens, above and below, that are asked for beside what is in sight
const HEIGHT_MAX = 8_000_000; // pixels; browsers end at some 30 million
const WIDTH_MAX = 40;
const KEPT_MS = 250;
const LINE = { width: 120, height: 20 };
const SVG = "http://www.w3.org/2000/svg";

function element(tag, className, parent) {
  const made = document.createElement(tag);
  made.className = className;
  if (parent) parent.append(made);
  return made;
}

// The points of a list of numbers (sparkline.py) as a small line.
function sparkline({ t: text, n, points }) {
  const values = points.map((point) => point[1]);
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const x = (at) => ((at / (n - 1)) * (LINE.width - 4) + 2).toFixed(1);
  const y = (value) => (LINE.height - 2 - ((value - least) / (most - least || 1)) * (LINE.height - 4)).toFixed(1);
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("width", LINE.width);
  svg.setAttribute("height", LINE.height);
  const drawn = document.createElementNS(SVG, "polyline");
  drawn.setAttribute("points", points.map(([at, value]) => `${x(at)},${y(value)}`).join(" "));
  const title = document.createElementNS(SVG, "title");
  title.textContent = text;
  svg.append(title, drawn);
  return svg;
}

class Page {
  constructor(model, el) {
    this.model = model;
    this.rows = new FeedRows(crypto.randomUUID?.() ?? String(Math.random()));
    this.shown = new Map(); // number of a row -> { el, cells, row, index }
    this.widths = [];
    this.asked = null;
    this.waiting = new Map(); // edits on their way: serial -> element of the cell
    this.serial = 0;
    this.anchor = -1;
    this.cursor = -1;
    this.selected = new Set(model.get("selected_ids"));
    this.closing = new AbortController();
    this.build(el);
    this.lost = followLife(model, el, this.root, this.closing.signal);
    this.listen();
    const held = model.get("snapshot");
    if (held && held.op) this.rows.take(held);
    this.want(0);
    this.draw();
  }

  build(el) {
    this.root = element("div", "eddy-table", el);
    this.root.tabIndex = 0;
    this.root.setAttribute("role", "grid");
    this.scroll = element("div", "eddy-scroll", this.root);
    this.scroll.style.maxHeight = `${this.model.get("height")}px`;
    this.head = element("div", "eddy-head eddy-line", this.scroll);
    this.head.setAttribute("role", "row");
    this.body = element("div", "eddy-body", this.scroll);
    this.foot = element("div", "eddy-foot", this.root);
    this.note = element("span", "eddy-note", this.foot);
    this.said = element("span", "eddy-said", this.foot);
    this.toggle = element("button", "eddy-flash", this.foot);
    this.toggle.type = "button";
  }

  listen() {
    const { model, closing } = this;
    const on = (target, type, fn) => target.addEventListener(type, fn, { signal: closing.signal });
    const follow = (name, fn) => {
      model.on(name, fn);
      closing.signal.addEventListener("abort", () => model.off(name, fn));
    };
    follow("msg:custom", (message) => this.hear(message));
    follow("change:latest", () => {
      if (model.get("latest") > this.rows.n) this.want(this.rows.first); // the last message was lost
    });
    follow("change:selected_ids", () => {
      this.selected = new Set(model.get("selected_ids"));
      this.soon();
    });
    follow("change:flash", () => this.soon());
    follow("change:height", () => (this.scroll.style.maxHeight = `${model.get("height")}px`));
    on(this.scroll, "scroll", () => this.soon());
    on(this.head, "click", (event) => this.sort(event));
    on(this.body, "click", (event) => this.click(event));
    on(this.body, "dblclick", (event) => this.edit(event));
    on(this.root, "keydown", (event) => this.key(event));
    on(this.toggle, "click", () => {
      this.quiet = !this.quiet;
      this.soon();
    });
    this.resized = new ResizeObserver(() => this.soon());
    this.resized.observe(this.scroll);
    closing.signal.addEventListener("abort", () => this.resized.disconnect());
  }

  close() {
    this.model.send({ op: "gone", id: this.rows.id });
    this.closing.abort();
    cancelAnimationFrame(this.frame);
    clearTimeout(this.keeping);
  }

  // -- messages

  hear(message) {
    if (message.op === "edited") return this.edited(message);
    const what = this.rows.take(message);
    if (what === "gap") this.want(this.rows.first);
    if (what !== "changed") return;
    if (message.op === "rows") this.asked = null;
    this.soon();
    this.keep();
  }

  // Ask for the window around `first`.
  want(first) {
    const screen = this.screen();
    this.asked = { first: Math.max(0, first - AROUND * screen), size: (2 * AROUND + 1) * screen };
    this.model.send({ op: "want", id: this.rows.id, ...this.asked });
  }

  // Have what is on the page in the model, so that a saved notebook shows it. Nothing is sent.
  keep() {
    this.keeping ??= setTimeout(() => {
      this.keeping = undefined;
      this.model.set("snapshot", this.rows.snapshot());
    }, KEPT_MS);
  }

  // -- drawing

  soon() {
    this.frame ??= requestAnimationFrame(() => {
      this.frame = undefined;
      this.draw();
    });
  }

  screen() {
    const height = this.scroll.clientHeight || this.model.get("height");
    return Math.max(1, Math.ceil(height / ROW));
  }

  // A list too high for a browser is scrolled in proportion: `top` is the place of the first row in sight.
  place() {
    const { total } = this.rows;
    const height = Math.min(total * ROW, HEIGHT_MAX);
    const sight = this.scroll.clientHeight - ROW;
    const over = this.scroll.scrollTop;
    if (total * ROW <= HEIGHT_MAX) return { height, top: Math.floor(over / ROW), offset: 0 };
    const top = Math.floor((over / Math.max(1, height - sight)) * (total - sight / ROW));
    return { height, top, offset: over - top * ROW };
  }

  draw() {
    const { rows } = this;
    const { height, top, offset } = this.place();
    const end = Math.min(rows.total, top + this.screen() + 1);
    this.body.style.height = `${height}px`;
    this.root.setAttribute("aria-rowcount", rows.total);
    this.drawHead();
    const seen = new Set();
    let missing = false;
    for (let index = top; index < end; index++) {
      const at = index - rows.first;
      const id = rows.ids[at];
      const there = at >= 0 && id !== undefined;
      missing ||= !there;
      const key = there ? id : `at ${index}`;
      seen.add(key);
      this.drawRow(key, there ? rows.rows[at] : null, index, offset);
    }
    for (const [key, { el }] of this.shown) {
      if (seen.has(key)) continue;
      el.remove();
      this.shown.delete(key);
    }
    rows.lit.clear();
    this.drawFoot();
    this.root.style.setProperty("--eddy-columns", this.widths.map((n) => `minmax(${n + 2}ch, ${n + 2}fr)`).join(" "));
    const covered = this.asked && top >= this.asked.first && end <= this.asked.first + this.asked.size;
    if (missing && !covered) this.want(top);
  }

  drawHead() {
    const { columns, facts } = this.rows;
    this.drawColumns(columns);
    const [sorted, descending] = facts.sort ?? [null];
    columns.forEach(({ name }, at) => {
      const text = name + (sorted === at ? (descending ? " ▼" : " ▲") : "");
      const cell = this.head.children[at]; // it stays: who is just clicking it must not miss it
      if (cell.textContent !== text) cell.textContent = text;
    });
  }

  drawColumns(columns) {
    const text = JSON.stringify(columns);
    if (text === this.headText) return;
    this.headText = text;
    this.head.replaceChildren();
    columns.forEach(({ name, kind }, at) => {
      const cell = element("span", `eddy-cell eddy-${kind}`, this.head);
      cell.title = kind === "null" ? name : `${name}: ${kind}`;
      cell.dataset.at = at;
      cell.setAttribute("role", "columnheader");
      this.widen(at, name.length + 2);
    });
    this.widths.length = columns.length;
  }

  widen(at, length) {
    this.widths[at] = Math.min(WIDTH_MAX, Math.max(this.widths[at] ?? 4, length));
  }

  drawRow(key, row, index, offset) {
    let shown = this.shown.get(key);
    if (!shown) {
      const el = element("div", "eddy-row eddy-line", this.body);
      el.setAttribute("role", "row");
      shown = { el, cells: [], row: undefined, index: -1 };
      this.shown.set(key, shown);
    }
    const { el } = shown;
    if (shown.index !== index || offset || shown.offset) {
      el.style.transform = `translateY(${index * ROW + offset}px)`;
      el.setAttribute("aria-rowindex", index + 1);
      el.classList.toggle("eddy-odd", index % 2 === 1);
      el.dataset.index = index;
      shown.index = index;
      shown.offset = offset;
    }
    const chosen = this.selected.has(key);
    el.classList.toggle("eddy-selected", chosen);
    el.setAttribute("aria-selected", chosen);
    el.classList.toggle("eddy-cursor", index === this.cursor);
    const { columns, lit } = this.rows;
    for (let at = 0; at < columns.length; at++) this.drawCell(shown, at, row ? row[at] : undefined, row === null);
    while (shown.cells.length > columns.length) shown.cells.pop().el.remove();
    const touched = lit.get(key);
    if (touched === undefined) return;
    if (touched === null) this.flash(el);
    else for (const at of touched) this.flash(shown.cells[at]?.el);
  }

  drawCell(shown, at, value, absent) {
    let cell = shown.cells[at];
    if (!cell) {
      const el = element("span", "eddy-cell", shown.el);
      el.setAttribute("role", "gridcell");
      el.dataset.at = at;
      cell = shown.cells[at] = { el, text: undefined, kind: "" };
    }
    const kind = absent ? "absent" : cellKind(value);
    const line = kind === "line";
    const text = absent ? "…" : line ? JSON.stringify(value.points) : cellText(value);
    if (cell.text !== text && cell.el.firstElementChild?.tagName !== "INPUT") {
      cell.text = text;
      cell.el.replaceChildren(line ? sparkline(value) : text);
      this.widen(at, line ? LINE.width / 8 : text.length);
    }
    if (cell.kind !== kind) {
      cell.el.className = `eddy-cell eddy-${kind}`;
      cell.kind = kind;
    }
  }

  flash(el) {
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    if (!el || this.quiet || still || !this.model.get("flash")) return;
    el.classList.add("eddy-lit");
    el.animate([{ backgroundColor: "var(--eddy-lit)" }, { backgroundColor: "transparent" }], 900).onfinish = () =>
      el.classList.remove("eddy-lit");
  }

  drawFoot() {
    const { total, facts } = this.rows;
    const chosen = this.selected.size ? ` · ${this.selected.size.toLocaleString("en")} selected` : "";
    const status = facts.status && facts.status !== "live" ? ` · ${facts.status}` : "";
    this.note.textContent = `${total.toLocaleString("en")} ${total === 1 ? "row" : "rows"}${status}${chosen}`;
    this.root.classList.toggle("eddy-failed", facts.status === "failed");
    this.root.classList.toggle("eddy-stale", facts.status === "stale");
    if (facts.error !== this.errorText) this.say((this.errorText = facts.error) ?? "", Boolean(facts.error));
    const on = this.model.get("flash") && !this.quiet;
    this.toggle.textContent = on ? "flashes on" : "flashes off";
    this.toggle.setAttribute("aria-pressed", on);
    this.toggle.hidden = !this.model.get("flash");
  }

  say(text, wrong) {
    this.said.textContent = text ?? "";
    this.said.classList.toggle("eddy-wrong", Boolean(wrong));
  }

  // -- what a person does

  sort(event) {
    const cell = event.target.closest("[data-at]");
    if (cell) this.model.send({ op: "sort", column: Number(cell.dataset.at) });
  }

  click(event) {
    const line = event.target.closest(".eddy-row");
    if (!line || event.target.tagName === "INPUT") return;
    this.choose(Number(line.dataset.index), { toggle: event.ctrlKey || event.metaKey, range: event.shiftKey });
  }

  choose(index, { toggle = false, range = false } = {}) {
    const id = this.rows.ids[index - this.rows.first];
    this.cursor = index;
    if (range && this.anchor >= 0) {
      this.model.send({ op: "range", from: Math.min(this.anchor, index), to: Math.max(this.anchor, index) });
    } else if (id !== undefined) {
      const had = this.selected.has(id);
      const next = toggle ? new Set(this.selected) : new Set();
      if (toggle && had) next.delete(id);
      else next.add(id);
      this.anchor = index;
      this.selected = next;
      this.model.send({ op: "select", ids: [...next] });
    }
    this.soon();
  }

  key(event) {
    if (event.target.tagName === "INPUT") return;
    const screen = this.screen() - 2;
    const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: screen, PageUp: -screen, Home: -Infinity, End: Infinity };
    const step = steps[event.key];
    if (step === undefined || !this.rows.total) return;
    event.preventDefault();
    event.stopPropagation(); // a notebook has keys of its own
    const index = Math.min(Math.max(this.cursor + step, 0), this.rows.total - 1);
    this.bring(index);
    this.choose(index, { range: event.shiftKey });
  }

  bring(index) {
    const { top } = this.place();
    const sight = this.screen() - 2;
    if (index < top) this.scroll.scrollTop = index * ROW;
    else if (index >= top + sight) this.scroll.scrollTop = (index - sight + 1) * ROW;
  }

  edit(event) {
    const cell = event.target.closest(".eddy-cell");
    const line = event.target.closest(".eddy-row");
    if (!cell || !line || cell.firstElementChild?.tagName === "INPUT") return;
    const at = Number(cell.dataset.at);
    const index = Number(line.dataset.index) - this.rows.first;
    const value = this.rows.rows[index]?.[at];
    const why = this.lost() || (this.rows.facts.readonly ?? (value?.cut || value?.points ? "too long to be edited here" : null));
    if (value === undefined) return;
    if (why) return this.say(why, true);
    this.openInput(cell, this.rows.ids[index], at, value === null ? "" : cellText(value));
  }

  openInput(cell, id, at, before) {
    const input = document.createElement("input");
    input.value = before;
    cell.replaceChildren(input);
    input.focus();
    input.select();
    const end = (send) => {
      if (!input.isConnected) return;
      const text = input.value;
      cell.textContent = before;
      const held = this.shown.get(id)?.cells[at];
      if (held) held.text = undefined; // drawn anew from what is there by now
      if (send && text !== before) {
        this.waiting.set(++this.serial, cell);
        cell.classList.add("eddy-waits");
        this.model.send({ op: "edit", id, column: at, text, ask: this.serial, page: this.rows.id });
      }
      this.root.focus();
      this.soon();
    };
    input.addEventListener("keydown", (event) => {
      event.stopPropagation();
      if (event.key === "Enter") end(true);
      if (event.key === "Escape") end(false);
    });
    input.addEventListener("blur", () => end(false));
  }

  edited({ page, ask, error }) {
    if (page !== this.rows.id) return;
    this.waiting.get(ask)?.classList.remove("eddy-waits");
    this.waiting.delete(ask);
    this.say(error ?? "", Boolean(error));
  }
}

export default {
  render({ model, el }) {
    const page = new Page(model, el);
    return () => page.close();
  },
};
