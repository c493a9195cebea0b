// A chart of a view as SVG: line, bar, scatter, area. What changes moves to its new place.
//
//     FeedRows --> series of marks { key, x, y, stands }  --(MOVE_MS, eased)-->  paths, bars, dots
//
// A mark is known by its row's number and its column, so a moved row moves, a new one grows out of where it belongs; of
// more than MOVED_MAX marks none does. What was put together for the page (drawing.py) is said in the caption.
const COLORS = ["#3b82f6", "#f59e0b", "#10b981", "#ef4444", "#8b5cf6", "#06b6d4", "#d946ef", "#64748b"];
const TOGETHER = "#9ca3af";
const MARGIN = { top: 12, right: 16, bottom: 28, left: 52 };
const MOVE_MS = 250;
const MOVED_MAX = 1000;
const DOT = 3.5;
const DOT_ATTRIBUTES = ["cx", "cy", "r", "opacity"];
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
    this.axes = svg("g", {}, this.svg);
    this.plot = svg("g", {}, this.svg);
    this.groups = new Map(); // of dots: name of the series -> { group, dots }
    this.note = document.createElement("div");
    this.note.className = "eddy-chart-note";
    this.caption = document.createElement("div");
    this.caption.className = "eddy-chart-note eddy-caption";
    this.root.append(this.legend, this.svg, this.caption, this.note);
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
    const { rows, ids, facts } = this.rows;
    const names = facts.series ?? [];
    this.xAxis = facts.drawn?.axis ?? "number";
    const series = new Map(names.map((name, at) => [color ? name : at + 1, { name, marks: [] }]));
    this.bands = new Map();
    rows.forEach((row, index) => {
      let x = valueOf(row[0], this.xAxis);
      if (this.xAxis === "text") {
        if (!this.bands.has(x)) this.bands.set(x, this.bands.size);
        x = this.bands.get(x);
      }
      for (let at = 1; at <= count; at++) {
        const one = series.get(color ? cellText(row[count + 1]) : at);
        const y = row[at] === null ? NaN : numberOf(row[at]);
        const stands = kind === "scatter" ? row[row.length - 1] : 1;
        if (one && Number.isFinite(x) && Number.isFinite(y))
          one.marks.push({ key: `${at}/${ids[index]}`, x, y, stands, label: cellText(row[0]) });
      }
    });
    this.series = [...series.values()];
    if (kind === "line" || kind === "area") for (const one of this.series) one.marks.sort((a, b) => a.x - b.x);
    const marks = this.series.flatMap((one) => one.marks);
    const fromZero = kind === "bar" || kind === "area";
    this.rest = facts.drawn?.together ? this.bands.size - 1 : -1; // what is added up has no say in the scale
    const y = extent(marks.filter((mark) => mark.x !== this.rest).map((mark) => mark.y), fromZero);
    const pad = (y[1] - y[0]) * 0.05;
    const x = this.xAxis === "text" ? [-0.5, Math.max(0.5, this.bands.size - 0.5)] : extent(marks.map((mark) => mark.x), false);
    this.target = { x, y: [fromZero && y[0] === 0 ? 0 : y[0] - pad, fromZero && y[1] === 0 ? 0 : y[1] + pad] };
    this.start();
  }

  start() {
    const many = this.rows.rows.length > MOVED_MAX;
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches || !this.view || many;
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
    this.axes.replaceChildren();
    if (kind !== "scatter") this.plot.replaceChildren();
    const across = width - MARGIN.left - MARGIN.right;
    const down = height - MARGIN.top - MARGIN.bottom;
    const { x, y } = this.view;
    this.px = (value) => MARGIN.left + ((value - x[0]) / (x[1] - x[0])) * across;
    this.py = (value) => MARGIN.top + (1 - (value - y[0]) / (y[1] - y[0])) * down;
    this.drawAxes(width, height, across, down);
    if (kind === "scatter") this.drawDots();
    else this.series.forEach((one, at) => this.drawSeries(one, at, kind, across));
    this.drawLegend(count);
    const { facts } = this.rows;
    this.caption.textContent = facts.error ?? facts.caption ?? "";
    this.caption.classList.toggle("eddy-wrong", Boolean(facts.error));
    this.svg.setAttribute("aria-label", `${kind} chart of ${facts.drawn?.rows ?? 0} rows`);
  }

  drawAxes(width, height, across, down) {
    const { x, y } = this.view;
    const grid = svg("g", { class: "eddy-grid" }, this.axes);
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
    const color = this.colorOf(at);
    const group = svg("g", { class: `eddy-series eddy-${kind}`, "data-name": series.name, fill: color, stroke: color }, this.plot);
    const points = series.marks.map((mark) => this.marks.get(mark.key));
    if (kind === "bar") {
      const band = (across / Math.max(1, this.bands.size)) * 0.8;
      const each = band / this.series.length;
      const zero = this.py(Math.max(0, this.view.y[0]));
      const [high, low] = [MARGIN.top, this.py(this.view.y[0])];
      points.forEach(([x, y], index) => {
        const top = Math.min(low, Math.max(high, this.py(y)));
        const left = this.px(x) - band / 2 + at * each;
        const size = { x: left, y: Math.min(top, zero), width: Math.max(1, each - 1), height: Math.abs(zero - top) };
        svg("rect", series.marks[index].x === this.rest ? { ...size, fill: TOGETHER } : size, group);
      });
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

  // Dots stay elements of their own: of thousands only those that differ are touched.
  drawDots() {
    const most = this.rows.facts.drawn?.most ?? 1;
    const names = new Set(this.series.map((one) => one.name));
    for (const [name, { group }] of this.groups)
      if (!names.has(name)) {
        group.remove();
        this.groups.delete(name);
      }
    this.series.forEach(({ name, marks }, at) => {
      if (!this.groups.has(name)) {
        const group = svg("g", { class: "eddy-series eddy-scatter", "data-name": name }, this.plot);
        this.groups.set(name, { group, dots: new Map() });
      }
      const { group, dots } = this.groups.get(name);
      if (group.getAttribute("fill") !== this.colorOf(at)) group.setAttribute("fill", this.colorOf(at));
      const gone = new Map(dots);
      for (const { key, stands } of marks) {
        const [x, y] = this.marks.get(key);
        const part = most > 1 ? Math.sqrt(stands / most) : 1; // the more rows, the larger and the darker
        const now = [this.px(x).toFixed(1), this.py(y).toFixed(1), (DOT * (0.4 + 0.6 * part)).toFixed(1), (0.3 + 0.5 * part).toFixed(2)];
        let dot = dots.get(key);
        if (!dot) dots.set(key, (dot = { el: svg("circle", {}, group), was: [] }));
        gone.delete(key);
        DOT_ATTRIBUTES.forEach((attribute, n) => now[n] !== dot.was[n] && dot.el.setAttribute(attribute, now[n]));
        dot.was = now;
      }
      for (const [key, { el }] of gone) {
        el.remove();
        dots.delete(key);
      }
    });
  }

  // What many series are drawn as together is grey.
  colorOf(at) {
    const together = at === this.series.length - 1 && this.rows.facts.drawn?.folded;
    return together ? TOGETHER : COLORS[at % COLORS.length];
  }

  drawLegend() {
    const names = this.series.map((one) => one.name);
    if (JSON.stringify(names) === this.legendText) return;
    this.legendText = JSON.stringify(names);
    this.legend.replaceChildren();
    names.forEach((name, at) => {
      const entry = document.createElement("span");
      const dot = document.createElement("i");
      dot.style.background = this.colorOf(at);
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
    if (!best) return;
    const { label, y, stands } = best.mark;
    const more = stands > 1 ? `, and ${(stands - 1).toLocaleString("en")} more rows close to it` : "";
    this.note.textContent = `${label} · ${best.name}: ${y.toLocaleString("en")}${more}`;
  }
}

export default {
  render({ model, el }) {
    const chart = new Chart(model, el);
    return () => chart.close();
  },
};
