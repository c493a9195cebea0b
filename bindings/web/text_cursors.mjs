// Where others stand in a text field, drawn over it: a line in their colour with their name, and what they have selected.
//
//     show([{ name, color, at, anchor }])      places are units of what the surface shows
//
// Nothing is put into the box itself. A box keeps the places of its letters to itself, so its text is laid out a second
// time, unseen, in the same font and width.

export function makeCursors(element) {
  const root = element.ownerDocument;
  const view = root.defaultView;
  const layer = root.createElement("div");
  const mirror = typeof element.setRangeText === "function" ? root.createElement("div") : null;
  const ends = new AbortController();
  let [marks, asked] = [[], false];

  layer.className = "eddy-cursors";
  layer.setAttribute("aria-hidden", "true");
  Object.assign(layer.style, { position: "fixed", overflow: "hidden", pointerEvents: "none" });

  function ask() {
    if (asked || (!marks.length && !layer.isConnected)) return;
    asked = true;
    view.requestAnimationFrame(draw);
  }

  function draw() {
    asked = false;
    layer.replaceChildren();
    const isThere = marks.length && element.isConnected && !ends.signal.aborted;
    if (!isThere) return layer.remove();
    const { left, top } = element.getBoundingClientRect();
    const [x, y] = [left + element.clientLeft, top + element.clientTop];
    const size = { width: `${element.clientWidth}px`, height: `${element.clientHeight}px` };
    Object.assign(layer.style, { left: `${x}px`, top: `${y}px`, ...size });
    (element.closest("dialog") ?? root.body).append(layer);
    const laid = mirror ? reflected() : element;
    const [node, end] = laid.childNodes;
    if (node?.nodeType !== 3 || end?.tagName !== "BR") return; // an input method is at work
    const origin = mirror ? laid.getBoundingClientRect() : { left: x, top: y };
    const scrolled = mirror ? [element.scrollLeft, element.scrollTop] : [0, 0];
    for (const { name, color, at, anchor } of marks) {
      const place = (rect) => [rect.left - origin.left - scrolled[0], rect.top - origin.top - scrolled[1]];
      for (const rect of anchor === at ? [] : rangeOf(node, Math.min(at, anchor), Math.max(at, anchor)).getClientRects())
        box(place(rect), rect.width, rect.height, color).style.opacity = "0.3";
      const rect = cursorRect(node, end, at);
      const line = box(place(rect), 2, rect.height, color);
      const label = line.appendChild(root.createElement("span"));
      label.textContent = name;
      const look = { position: "absolute", left: "0", bottom: "100%", font: "10px sans-serif", whiteSpace: "nowrap" };
      const [red, green, blue] = view.getComputedStyle(line).backgroundColor.match(/[\d.]+/g) ?? [0, 0, 0];
      const ink = red * 0.299 + green * 0.587 + blue * 0.114 < 140 ? "#fff" : "#000";
      Object.assign(label.style, { ...look, background: color, color: ink, padding: "0 3px", opacity: "0.8" });
      if (line.offsetTop < label.offsetHeight) Object.assign(label.style, { bottom: "auto", top: "0" });
    }
    mirror?.remove();
  }

  function box([left, top], width, height, color) {
    const made = layer.appendChild(root.createElement("div"));
    const place = { left: `${left}px`, top: `${top}px`, width: `${width}px`, height: `${height}px` };
    Object.assign(made.style, { position: "absolute", background: color, ...place });
    return made;
  }

  /** The text of a box, laid out as the box does it. */
  function reflected() {
    const style = view.getComputedStyle(element);
    for (const name of SAME) mirror.style[name] = style[name];
    const width = element.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
    const isLine = element.tagName === "INPUT";
    const wraps = { whiteSpace: isLine ? "pre" : "pre-wrap", overflowWrap: isLine ? "normal" : "break-word" };
    const apart = { position: "absolute", left: "0", top: "0", visibility: "hidden", boxSizing: "content-box" };
    Object.assign(mirror.style, { width: `${width}px`, ...wraps, ...apart });
    if (isLine) mirror.style.lineHeight = `${element.clientHeight - 2 * parseFloat(style.paddingTop)}px`;
    mirror.replaceChildren(root.createTextNode(element.value), root.createElement("br"));
    root.body.append(mirror);
    return mirror;
  }

  root.addEventListener("scroll", ask, { capture: true, passive: true, signal: ends.signal });
  view.addEventListener("resize", ask, { signal: ends.signal });
  const sized = new view.ResizeObserver(ask);
  sized.observe(element);

  return {
    show(listed) {
      marks = listed;
      ask();
    },
    close() {
      ends.abort();
      sized.disconnect();
      layer.remove();
    },
  };
}

const SAME = [
  "direction", "fontFamily", "fontFeatureSettings", "fontKerning", "fontSize", "fontStretch", "fontStyle", "fontVariant",
  "fontWeight", "letterSpacing", "lineHeight", "paddingBottom", "paddingLeft", "paddingRight", "paddingTop", "tabSize",
  "textAlign", "textIndent", "textTransform", "wordSpacing",
];

function rangeOf(node, from, to) {
  const range = node.ownerDocument.createRange();
  range.setStart(node, Math.min(from, node.length));
  range.setEnd(node, Math.min(to, node.length));
  return range;
}

/** Where the line of a cursor begins: at the letter behind it, or else where the one before ends. */
function cursorRect(node, end, at) {
  if (at < node.length) return rangeOf(node, at, at + 1).getClientRects()[0] ?? end.getBoundingClientRect();
  const last = node.length && !node.data.endsWith("\n") ? [...rangeOf(node, node.length - 1, node.length).getClientRects()].at(-1) : null;
  if (!last) return end.getBoundingClientRect();
  return new DOMRect(last.right, last.top, 0, last.height);
}
