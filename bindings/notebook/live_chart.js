// A chart of a view as SVG: line, bar, scatter, area. What changes moves to its new place.
//
//     FeedRows --> series of marks { key, x, y }  --(MOVE_MS, eased)-->  paths, bars, dots
//
// A mark is known by its row's number and its series, so a moved row moves, a new one grows out of where it belongs.
const COLORS = ["#3b82f6", "#f59e0b", "#10b981", "#ef4444", "#8b5cf6", "#06b6d4", "#d946ef", "#64748b"];
const MARGIN = { top: 12, right: 16, bottom: 28, left: 52 };
const MOVE_MS = 250;
const NS = "http://www.w3.org/2000/svg";

function svg(tag, attributes, parent) {
  const made = document.createElementNS(NS, tag);
  for (const name in attributes) made.setAttribute(name, attributes[name]);
  if (parent) parent.append(made);
  return made;
}

class Chart {
  constructor(model, el) {
    this.model = model;
    this.rows = new FeedRows(crypto.randomUUID?.() ?? String(Math.random()));
    this.marks = new Map(); // "series/row" -> where it is drawn now: [x, y] in values
    this.view = null; // the extents drawn now
    this.closing = new AbortController();
    this.root = document.createElement("div");
    this.root.className = "eddy-chart";
    this.legend = document.createElement("div");
    this.legend.className = "eddy-legend";
    this.svg = svg("svg", { class: "eddy-svg", role: "img" });
    this.note = document.createElement("div");
    this.note.className = "eddy-chart-note";
    this.root.append(this.legend, this.svg, this.note);
    el.append(this.root);
    followLife(model, el, this.root, this.closing.signal);
    this.listen();
    const held = model.get("snapshot");
    if (held && held.op) this.rows.take(held);
    this.want();
    this.aim();
  }

  listen() {
    const { model, closing } = this;
    const follow = (name, fn) => {
      model.on(name, fn);
      closing.signal.addEventListener("abort", () => model.off(name, fn));
    };
    follow("msg:custom", (message) => this.hear(message));
    follow("change:latest", () => model.get("latest") > this.rows.n && this.want());
    follow("change:height", () => this.aim());
    this.svg.addEventListener("pointermove", (event) => this.point(event), { signal: closing.signal });
    this.svg.addEventListener("pointerleave", () => this.point(null), { signal: closing.signal });
    this.resized = new ResizeObserver(() => this.aim());
    this.resized.observe(this.root);
    closing.signal.addEventListener("abort", () => this.resized.disconnect());
  }

  close() {
    this.model.send({ op: "gone", id: this.rows.id });
    this.closing.abort();
    cancelAnimationFrame(this.frame);
    clearTimeout(this.keeping);
  }

  want() {
    this.model.send({ op: "want", id: this.rows.id, first: 0, size: 1e6 });
  }

  hear(message) {
    const what = this.rows.take(message);
    if (what === "gap") this.want();
    if (what !== "changed") return;
    this.rows.lit.clear();
    this.keeping ??= setTimeout(() => {
      this.keeping = undefined;
      this.model.set("snapshot", this.rows.snapshot());
    }, 250);
    this.aim();
  }

  // Work out what is to be drawn, and go there.
  aim() {
    const { kind, y: count, color } = this.model.get("spec");
    const { rows, columns, ids } = this.rows;
    this.xAxis = axisOf(rows.map((row) => row[0]));
    if (kind === "bar") this.xAxis = "text";
    const series = new Map();
    const seriesOf = (name) => {
      if (!series.has(name)) series.set(name, { name, marks: [] });
      return series.get(name);
    };
    if (!color) for (let at = 1; at <= count; at++) seriesOf(columns[at]?.name ?? "");
    this.bands = new Map();
    rows.forEach((row, index) => {
      let x = valueOf(row[0], this.xAxis);
      if (this.xAxis === "text") {
        if (!this.bands.has(x)) this.bands.set(x, this.bands.size);
        x = this.bands.get(x);
      }
      for (let at = 1; at <= count; at++) {
        const name = color ? cellText(row[count + 1]) : columns[at].name;
        const y = row[at] === null ? NaN : numberOf(row[at]);
        if (Number.isFinite(x)) seriesOf(name).marks.push({ key: `${name}/${ids[index]}`, x, y, label: cellText(row[0]) });
      }
    });
    this.series = [...series.values()];
    if (kind === "line" || kind === "area") for (const one of this.series) one.marks.sort((a, b) => a.x - b.x);
    const marks = this.series.flatMap((one) => one.marks);
    const fromZero = kind === "bar" || kind === "area";
    const y = extent(marks.map((mark) => mark.y), fromZero);
    const pad = (y[1] - y[0]) * 0.05;
    const x = this.xAxis === "text" ? [-0.5, Math.max(0.5, this.bands.size - 0.5)] : extent(marks.map((mark) => mark.x), false);
    this.target = { x, y: [fromZero && y[0] === 0 ? 0 : y[0] - pad, fromZero && y[1] === 0 ? 0 : y[1] + pad] };
    this.start();
  }

  start() {
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches || !this.view;
    const from = { view: this.view ?? this.target, marks: this.marks };
    const begun = performance.now();
    cancelAnimationFrame(this.frame);
    const step = (now) => {
      const part = still ? 1 : Math.min(1, Math.max(0, (now - begun) / MOVE_MS));
      const eased = 1 - (1 - part) ** 3;
      const between = (a, b) => a + (b - a) * eased;
      const pair = (a, b) => [between(a[0], b[0]), between(a[1], b[1])];
      this.view = { x: pair(from.view.x, this.target.x), y: pair(from.view.y, this.target.y) };
      this.marks = new Map();
      for (const { marks } of this.series)
        for (const mark of marks) {
          const before = from.marks.get(mark.key);
          this.marks.set(mark.key, before ? pair(before, [mark.x, mark.y]) : [mark.x, mark.y]);
        }
      this.draw();
      this.frame = part < 1 ? requestAnimationFrame(step) : undefined;
    };
    this.frame = requestAnimationFrame(step);
  }

  draw() {
    const { kind, y: count } = this.model.get("spec");
    const width = Math.max(200, this.root.clientWidth || 600);
    const height = this.model.get("height");
    this.svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.svg.setAttribute("height", height);
    this.svg.replaceChildren();
    const across = width - MARGIN.left - MARGIN.right;
    const down = height - MARGIN.top - MARGIN.bottom;
    const { x, y } = this.view;
    this.px = (value) => MARGIN.left + ((value - x[0]) / (x[1] - x[0])) * across;
    this.py = (value) => MARGIN.top + (1 - (value - y[0]) / (y[1] - y[0])) * down;
    this.drawAxes(width, height, across, down);
    this.series.forEach((one, at) => this.drawSeries(one, at, kind, across));
    this.drawLegend(count);
    const { total, rows, facts } = this.rows;
    const more = total > rows.length ? `the first ${rows.length.toLocaleString("en")} of ${total.toLocaleString("en")} rows` : "";
    this.note.textContent = facts.error ?? more;
    this.note.classList.toggle("eddy-wrong", Boolean(facts.error));
    this.svg.setAttribute("aria-label", `${kind} chart of ${rows.length} rows`);
  }

  drawAxes(width, height, across, down) {
    const { x, y } = this.view;
    const grid = svg("g", { class: "eddy-grid" }, this.svg);
    for (const value of niceTicks(y[0], y[1], Math.max(3, Math.floor(down / 45)))) {
      svg("line", { x1: MARGIN.left, x2: width - MARGIN.right, y1: this.py(value), y2: this.py(value) }, grid);
      const text = svg("text", { x: MARGIN.left - 6, y: this.py(value) + 4, "text-anchor": "end" }, grid);
      text.textContent = tickText(value, "number");
    }
    for (const [value, label] of this.xTicks(across, x)) {
      const text = svg("text", { x: this.px(value), y: height - 8, "text-anchor": "middle" }, grid);
      text.textContent = label;
    }
  }

  xTicks(across, x) {
    const count = Math.max(1, Math.floor(across / 80));
    if (this.xAxis === "text") {
      const every = Math.ceil(this.bands.size / count);
      const names = [...this.bands].filter(([, at]) => at % every === 0);
      return names.map(([name, at]) => [at, name.length > 14 ? `${name.slice(0, 13)}…` : name]);
    }
    const ticks = this.xAxis === "time" ? timeTicks(x[0], x[1], count) : niceTicks(x[0], x[1], count);
    return ticks.map((value) => [value, tickText(value, this.xAxis, x[1] - x[0])]);
  }

  drawSeries(series, at, kind, across) {
    const color = COLORS[at % COLORS.length];
    const group = svg("g", { class: `eddy-series eddy-${kind}`, "data-name": series.name, fill: color, stroke: color }, this.svg);
    const points = series.marks.map((mark) => this.marks.get(mark.key)).filter((point) => Number.isFinite(point[1]));
    if (kind === "bar") {
      const band = (across / Math.max(1, this.bands.size)) * 0.8;
      const each = band / this.series.length;
      const zero = this.py(Math.max(0, this.view.y[0]));
      for (const [x, y] of points) {
        const top = this.py(y);
        const left = this.px(x) - band / 2 + at * each;
        svg("rect", { x: left, y: Math.min(top, zero), width: Math.max(1, each - 1), height: Math.abs(zero - top) }, group);
      }
      return;
    }
    if (kind === "scatter") {
      for (const [x, y] of points) svg("circle", { cx: this.px(x), cy: this.py(y), r: 3.5 }, group);
      return;
    }
    const line = points.map(([x, y], index) => `${index ? "L" : "M"}${this.px(x).toFixed(1)} ${this.py(y).toFixed(1)}`).join("");
    if (kind === "area" && points.length) {
      const zero = this.py(Math.max(0, this.view.y[0])).toFixed(1);
      const closed = `${line}L${this.px(points[points.length - 1][0]).toFixed(1)} ${zero}L${this.px(points[0][0]).toFixed(1)} ${zero}Z`;
      svg("path", { d: closed, class: "eddy-fill" }, group);
    }
    svg("path", { d: line, class: "eddy-stroke" }, group);
  }

  drawLegend() {
    const names = this.series.map((one) => one.name);
    if (JSON.stringify(names) === this.legendText) return;
    this.legendText = JSON.stringify(names);
    this.legend.replaceChildren();
    names.forEach((name, at) => {
      const entry = document.createElement("span");
      const dot = document.createElement("i");
      dot.style.background = COLORS[at % COLORS.length];
      entry.append(dot, name);
      this.legend.append(entry);
    });
  }

  // Say what the mark nearest to the pointer is.
  point(event) {
    if (!event || !this.series) return (this.note.textContent = "");
    const box = this.svg.getBoundingClientRect();
    const at = [event.clientX - box.left, event.clientY - box.top];
    let best = null;
    for (const { name, marks } of this.series)
      for (const mark of marks) {
        const far = Math.hypot(this.px(mark.x) - at[0], this.py(mark.y) - at[1]);
        if (Number.isFinite(far) && (!best || far < best.far)) best = { far, name, mark };
      }
    if (best) this.note.textContent = `${best.mark.label} · ${best.name}: ${best.mark.y.toLocaleString("en")}`;
  }
}

export default {
  render({ model, el }) {
    const chart = new Chart(model, el);
    return () => chart.close();
  },
};
