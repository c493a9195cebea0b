// Scales of a chart: from values to pixels, and the round values that an axis is marked with.
//
//     valueOf(cell, axis)   number, time (ms) or text, as the axis is: "number", "time" or "text"
//     niceTicks(0, 97, 5)  ->  [0, 20, 40, 60, 80]          timeTicks(from, to, 5)  ->  round times
const DATE = /^\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?)?$/;
const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const STEPS = [1, 5, 15, 30].map((n) => n * SECOND)
  .concat([1, 5, 15, 30].map((n) => n * MINUTE), [1, 3, 6, 12].map((n) => n * HOUR))
  .concat([1, 2, 7, 14, 30, 91, 182, 365, 730, 1825, 3650].map((n) => n * DAY));

export function timeOf(text) {
  if (!DATE.test(text)) return NaN;
  const given = text.replace(" ", "T");
  return Date.parse(given.length > 10 && !/(Z|[+-]\d\d:?\d\d)$/.test(given) ? `${given}Z` : given);
}

export function numberOf(cell) {
  if (typeof cell === "number") return cell;
  if (typeof cell === "boolean") return Number(cell);
  return cell && cell.k === "number" ? Number(cell.t) : NaN;
}

export function valueOf(cell, axis) {
  if (axis === "number") return cell === null ? NaN : numberOf(cell);
  return axis === "time" ? timeOf(cellText(cell)) : cellText(cell);
}

export function niceStep(span, count) {
  const raw = span / Math.max(1, count);
  const power = 10 ** Math.floor(Math.log10(raw));
  return power * [1, 2, 5, 10].find((n) => n * power >= raw * 0.999);
}

export function niceTicks(from, to, count) {
  if (!(to > from)) return [from];
  const step = niceStep(to - from, count);
  const ticks = [];
  for (let n = Math.ceil(from / step - 1e-9); n * step <= to + step * 1e-9; n++) ticks.push(Number((n * step).toPrecision(12)));
  return ticks;
}

export function timeTicks(from, to, count) {
  if (!(to > from)) return [from];
  const raw = (to - from) / Math.max(1, count);
  const step = STEPS.find((one) => one >= raw) ?? STEPS[STEPS.length - 1];
  const ticks = [];
  for (let at = Math.ceil(from / step) * step; at <= to; at += step) ticks.push(at);
  return ticks;
}

export function tickText(value, axis, span) {
  if (axis === "text") return String(value);
  if (axis === "number") {
    const size = Math.abs(value);
    if (size >= 1e6 || (size > 0 && size < 1e-3)) return value.toExponential(1).replace("e+", "e");
    return value.toLocaleString("en", { maximumFractionDigits: 6 });
  }
  const text = new Date(value).toISOString();
  if (span < DAY) return text.slice(11, span < HOUR ? 19 : 16);
  return span < 400 * DAY ? text.slice(5, 10) : text.slice(0, 7);
}

// The least and the greatest of values, apart from each other.
export function extent(values, withZero) {
  let from = withZero ? 0 : Infinity;
  let to = withZero ? 0 : -Infinity;
  for (const value of values) {
    if (!Number.isFinite(value)) continue;
    if (value < from) from = value;
    if (value > to) to = value;
  }
  if (from > to) return [0, 1];
  return from === to ? [from - (withZero ? 0 : 0.5), to + (withZero ? 1 : 0.5)] : [from, to];
}
