// Where a text is typed in a page: a box (<textarea>, <input>) or an editable element, under one face.
//
//     text                             as it was when it was read or written last
//     typed()                          what the user has made of it since: [what stands before, what went, what came]
//     write(at, removed, inserted)     a change that isn't the user's: cursor and selection stay at their characters
//     caret(at), cursor()              put the cursor there; where it is, null without the focus
//     shown(at)                        where a place of the text is in what is shown of it
//     lock(on), settle(), close()
//
// Places are units of JavaScript's strings. An editable element holds one text node and a <br>, by which a last empty
// line is there to be seen; what a browser makes of it beside that is put back (`settle`), but never while an input
// method composes. It is text alone: what is pasted or dropped comes as text, whatever else it was.

import { isPair } from "./transform.mjs";

/** The surface of an element; `changed` is called when it has changed the text itself, as the user wanted. */
export function surfaceOf(element, changed) {
  if (typeof element.setRangeText === "function") return box(element);
  if (["true", "plaintext-only"].includes(element.contentEditable)) return editable(element, changed);
  const name = element.tagName.toLowerCase();
  throw new Error(`<${name}> is no box for a text: <textarea>, <input> and elements with contenteditable are`);
}

/** How many units two texts share at their beginnings and at their ends; what stands behind `cursor` wasn't typed. */
export function common(old, now, cursor = now.length) {
  const most = Math.min(old.length, now.length);
  let [head, tail] = [0, 0];
  const sameTail = () => old[old.length - 1 - tail] === now[now.length - 1 - tail];
  while (tail < Math.min(most, now.length - cursor) && sameTail()) tail++;
  while (head < most - tail && old[head] === now[head]) head++;
  while (tail < most - head && sameTail()) tail++;
  return [head, tail];
}

/** What made `now` of `old`: from where to where it went, and what came; never half a character. */
export function change(old, now, cursor) {
  let [head, tail] = common(old, now, cursor);
  if (head > 0 && isPair(old, head - 1)) head--;
  if (tail > 0 && isPair(old, old.length - tail - 1)) tail--;
  return [head, old.length - tail, now.slice(head, now.length - tail)];
}

// -- boxes: they show "\r\n" as one "\n", and an <input> no line ends at all, so what is held is kept beside it

function box(element) {
  let shown = element.value;
  let text = shown;

  const isShown = (at, unit) => text[at] === unit || (unit === "\n" && text[at] === "\r" && text[at + 1] !== "\n");
  const align = (until) => {
    let [at, seen] = [0, 0]; // in the text, in what is shown of it
    for (; seen < shown.length; at++, seen++) {
      while (at < text.length && !isShown(at, shown[seen])) at++;
      if (until(at, seen)) break;
    }
    return [at, seen];
  };
  const inText = (place) => {
    if (text.length === shown.length || place === 0) return place;
    return align((_, seen) => seen === place - 1)[0] + 1;
  };
  const inShown = (place) => (text.length === shown.length ? place : align((at) => at >= place)[1]);

  /** Where the cursor is in what is shown; of a selection its end. */
  const cursor = () => (element.ownerDocument.activeElement === element ? element.selectionEnd : null);

  return {
    get text() {
      return text;
    },
    typed() {
      const now = element.value;
      if (now === shown) return null;
      const [from, to, inserted] = change(shown, now, cursor() ?? undefined);
      const [before, removed, behind] = split(text, inText(from), inText(to));
      [text, shown] = [before + inserted + behind, now];
      return [before, removed, inserted];
    },
    write(at, removed, inserted) {
      const { selectionDirection, scrollTop } = element;
      element.setRangeText(inserted, inShown(at), inShown(at + removed), "preserve");
      if (selectionDirection === "backward")
        element.setSelectionRange(element.selectionStart, element.selectionEnd, selectionDirection);
      element.scrollTop = scrollTop;
      text = text.slice(0, at) + inserted + text.slice(at + removed);
      shown = element.value;
    },
    caret: (at) => element.setSelectionRange(inShown(at), inShown(at)),
    cursor: () => (cursor() === null ? null : inText(cursor())),
    shown: inShown,
    lock: (on) => (element.readOnly = on),
    settle() {},
    close() {},
  };
}

const split = (text, from, to) => [text.slice(0, from), text.slice(from, to), text.slice(to)];

// -- elements with contenteditable

const BLOCK = /^(DIV|P|LI|UL|OL|PRE|BLOCKQUOTE|H[1-6])$/;
const FOREIGN = /^insertFrom(Paste|PasteAsQuotation|Drop|Yank)$|^insertReplacementText$/;
const NO_TEXT = /^format|^insert(HorizontalRule|OrderedList|UnorderedList|Link)$/;

function editable(element, changed) {
  const root = element.ownerDocument;
  const node = root.createTextNode("");
  const end = root.createElement("br");
  const ends = new AbortController();
  const was = element.getAttribute("contenteditable");
  const mode = plainMode(element);
  let [text, locked] = ["", false];
  element.replaceChildren(node, end);
  if (!root.defaultView.getComputedStyle(element).whiteSpace.startsWith("pre")) element.style.whiteSpace = "pre-wrap";
  if (!element.hasAttribute("role")) element.setAttribute("role", "textbox");
  if (!element.hasAttribute("aria-multiline")) element.setAttribute("aria-multiline", "true");

  const isSettled = () => element.childNodes.length === 2 && element.firstChild === node && element.lastChild === end;

  /** The text that is there, up to a place where one is given: what a browser has made of it included. */
  function found(container = null, offset = 0) {
    let said = "";
    const walk = (at) => {
      if (at.nodeType === 3) said += at === container ? at.data.slice(0, offset) : at.data;
      else if (at.tagName === "BR") said += at === container ? "" : "\n";
      else {
        if (at !== element && BLOCK.test(at.tagName) && said && !said.endsWith("\n")) said += "\n";
        for (let next = 0; next < at.childNodes.length; next++)
          if ((at === container && next === offset) || walk(at.childNodes[next])) return true;
      }
      return at === container;
    };
    walk(element);
    if (container !== null) return said;
    let last = element.lastChild;
    while (last?.lastChild) last = last.lastChild;
    return last?.tagName === "BR" ? said.slice(0, -1) : said;
  }

  const now = () => (isSettled() ? node.data : found());
  const place = (container, offset) => (container === node ? offset : Math.min(found(container, offset).length, now().length));

  /** Where the selection begins and ends in the text, as the user made it; null where it is elsewhere. */
  function selected() {
    const { anchorNode, anchorOffset, focusNode, focusOffset } = root.getSelection();
    if (!element.contains(anchorNode) || !element.contains(focusNode)) return null;
    return [place(anchorNode, anchorOffset), place(focusNode, focusOffset)];
  }

  function settle() {
    if (isSettled()) return;
    const [all, places] = [found(), selected()];
    node.data = all;
    element.replaceChildren(node, end);
    if (places) root.getSelection().setBaseAndExtent(node, places[0], node, places[1]);
  }

  /** Put a text in the place of what the event is about. */
  function put(event, inserted) {
    const [range] = event.getTargetRanges();
    const [from, to] = range
      ? [place(range.startContainer, range.startOffset), place(range.endContainer, range.endOffset)]
      : (selected() ?? [now().length, now().length]).sort((one, other) => one - other);
    settle();
    node.replaceData(from, to - from, inserted);
    root.getSelection().collapse(node, from + inserted.length);
    reveal(from + inserted.length);
    changed();
  }

  /** Scroll as far as it takes to see the cursor: a browser does so for what it types itself. */
  function reveal(at) {
    const range = root.createRange();
    range.setStart(node, at);
    range.setEnd(node, Math.min(at + 1, node.length));
    let { top, bottom } = (at < node.length ? range : end).getBoundingClientRect();
    for (let around = element; around; around = around.parentElement) {
      const seen = around.getBoundingClientRect();
      const from = around === root.documentElement ? 0 : seen.top;
      const to = around === root.documentElement ? root.defaultView.innerHeight : seen.bottom;
      const before = around.scrollTop;
      if (bottom > to) around.scrollTop += bottom - to;
      else if (top < from) around.scrollTop -= from - top;
      [top, bottom] = [top + before - around.scrollTop, bottom + before - around.scrollTop];
    }
  }

  element.addEventListener(
    "beforeinput",
    (event) => {
      const { focusNode } = root.getSelection();
      const places = isSettled() && (focusNode === element || focusNode === end) ? selected() : null;
      if (places) root.getSelection().setBaseAndExtent(node, places[0], node, places[1]); // not beside the text node
      if (event.isComposing) return;
      const { inputType, dataTransfer, data } = event;
      const isLine = inputType === "insertParagraph" || inputType === "insertLineBreak";
      if (!isLine && !FOREIGN.test(inputType) && !NO_TEXT.test(inputType)) return;
      event.preventDefault();
      if (isLine) put(event, "\n");
      else if (FOREIGN.test(inputType)) put(event, (dataTransfer?.getData("text/plain") ?? data ?? "").replace(/\r\n?/g, "\n"));
    },
    { signal: ends.signal },
  );

  return {
    get text() {
      return text;
    },
    typed() {
      const all = now();
      if (all === text) return null;
      const [from, to, inserted] = change(text, all, selected()?.[1]);
      const [before, removed] = split(text, from, to);
      text = all;
      return [before, removed, inserted];
    },
    write(at, removed, inserted) {
      settle();
      node.replaceData(at, removed, inserted); // the ranges of a selection move with it
      text = node.data;
    },
    caret(at) {
      root.getSelection().collapse(node, at);
      reveal(at);
    },
    cursor: () => selected()?.[1] ?? null,
    shown: (at) => at,
    lock(on) {
      if (on !== locked) element.contentEditable = on ? "false" : mode;
      locked = on;
      element.toggleAttribute("aria-readonly", on);
    },
    settle,
    close() {
      ends.abort();
      element.setAttribute("contenteditable", was);
    },
  };
}

/** Have an element edited as plain text; where a browser knows no such thing, as it is: `editable` takes care of it. */
function plainMode(element) {
  try {
    element.contentEditable = "plaintext-only";
  } catch {
    element.contentEditable = "true";
  }
  return element.contentEditable;
}
