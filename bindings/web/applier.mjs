// The applier: does to a page what Python says, and tells Python what the user does.
//
//     apply('[["find", 1, "#count"], ["set", 1, "text", "", "7 open"], ...]')     ops in order, one text a frame
//     tell('["event", 3, {"type": "click", ...}]')                                one message at a time
//
// The same file serves a page whose Python runs beside it and one whose Python is in a worker. It knows elements by the
// numbers that Python gave them, rows by their place in a list. Nothing is ever read as HTML: a value is text, an
// attribute, a property; names and addresses that would run a script are refused. One op that fails stops no other.

import { openTextEditor } from "./text_editor.mjs";
import { openTextField } from "./text_field.mjs";
import { common } from "./text_surface.mjs";

export function makeApplier(root, tell) {
  const view = root.defaultView;
  const elements = new Map(); // number -> element
  const lists = new Map(); // number -> list
  const blocks = new Map(); // number -> nodes of a block that is open
  const ears = new Map(); // number -> function that ends listening
  const inputs = new Map(); // number -> input
  const texts = new Map(); // number -> text field or editor
  const rowOf = new WeakMap(); // element -> row
  let moving = false; // nodes change places: what blurs and focuses meanwhile isn't the user

  const say = (...message) => tell(JSON.stringify(message));

  // -- one value of one element

  const NO_PROPERTY = new Set(["innerHTML", "outerHTML", "srcdoc"]);
  const ADDRESSES = new Set(["href", "src", "action", "formaction", "data", "xlink:href", "poster"]);
  const RUNS = /^[\u0000-\u0020]*(javascript|vbscript|data:text\/html)/i;

  function check(kind, name, value) {
    const lower = name.toLowerCase();
    if (kind === "prop" && (NO_PROPERTY.has(name) || lower.startsWith("on")))
      throw new Error(`the property ${name} runs what it is given; bind the text instead`);
    if (kind === "attr" && (lower.startsWith("on") || lower === "srcdoc"))
      throw new Error(`the attribute ${name} runs what it is given; use on(...) for what the user does`);
    if (kind !== "text" && ADDRESSES.has(lower) && RUNS.test(String(value).replace(/[\t\n\r]/g, "")))
      throw new Error(`an address that runs a script isn't set as ${name}: ${String(value).slice(0, 60)}`);
  }

  const setters = {
    text(element, _, value) {
      const node = element.firstChild; // the node is kept: three times as fast, and a selection in it stays
      if (node?.nodeType === 3 && !node.nextSibling) {
        if (node.data !== value) node.data = value;
      } else if (element.textContent !== value || element.firstElementChild) element.textContent = value;
    },
    attr(element, name, value) {
      if (value === null) element.removeAttribute(name);
      else if (element.getAttribute(name) !== value) element.setAttribute(name, value);
    },
    class(element, name, value) {
      element.classList.toggle(name, value);
    },
    style(element, name, value) {
      if (value === null) element.style.removeProperty(name);
      else element.style.setProperty(name, value);
    },
    prop(element, name, value) {
      if (name === "value") setValue(element, value);
      else if (element[name] !== value) element[name] = value;
    },
  };

  function set(element, kind, name, value) {
    check(kind, name, value);
    setters[kind](element, name, value);
  }

  /** Have a box hold `value`; cursor and scroll stay where they are in what is the same before and after. */
  function setValue(element, value) {
    const old = element.value;
    if (old === value) return;
    if (root.activeElement !== element || typeof element.selectionStart !== "number") {
      element.value = value;
      return;
    }
    const [head] = common(old, value);
    const moved = (at) => (at <= head ? at : Math.max(head, at + value.length - old.length));
    const { selectionStart, selectionEnd, selectionDirection, scrollTop, scrollLeft } = element;
    element.value = value;
    element.setSelectionRange(moved(selectionStart), moved(selectionEnd), selectionDirection);
    [element.scrollTop, element.scrollLeft] = [scrollTop, scrollLeft];
  }

  // -- lists: rows by a template, kept by patches

  function found(selector, where = root) {
    const element = where.querySelector(selector);
    if (!element) throw new Error(`no element of the page matches ${selector}`);
    return element;
  }

  /** What the elements of a template ask for: [path of child places, kind, name, column] each. */
  function plan(template, columns) {
    if (template.content.childElementCount !== 1)
      throw new Error(`a row's template has one element, not ${template.content.childElementCount}`);
    const parts = [];
    const walk = (element, path) => {
      for (const { name, value } of [...element.attributes]) {
        const [, kind, rest] = /^data-(text|value|checked|attr|class|style|prop)(?:-(.+))?$/.exec(name) ?? [];
        if (!kind || Boolean(rest) !== ["attr", "class", "style", "prop"].includes(kind)) continue;
        const column = columns.indexOf(value);
        if (column < 0) throw new Error(`the template asks for ${value}; the rows have: ${columns.join(", ")}`);
        const isBox = kind === "value" || kind === "checked";
        const called = isBox ? kind : kind === "prop" ? rest.replace(/-(.)/g, (_, c) => c.toUpperCase()) : rest ?? "";
        check(isBox ? "prop" : kind, called, "");
        parts.push({ path, kind: isBox ? "prop" : kind, name: called, column });
      }
      [...element.children].forEach((child, at) => walk(child, [...path, at]));
    };
    walk(template.content.firstElementChild, []);
    return parts;
  }

  function build(list, key, cells) {
    const element = list.model.cloneNode(true);
    const nodes = list.parts.map(({ path }) => path.reduce((node, at) => node.children[at], element));
    const row = { element, nodes, key, list };
    rowOf.set(element, row);
    cells.forEach((value, column) => fill(row, column, value));
    return row;
  }

  function fill(row, column, value) {
    row.list.parts.forEach((part, at) => {
      if (part.column === column) set(row.nodes[at], part.kind, part.name, shown(part.kind, part.name, value));
    });
  }

  /** What a cell is to an element: NULL is no text and no attribute, true is an attribute without a value. */
  function shown(kind, name, value) {
    if (kind === "class" || (kind === "prop" && (name === "checked" || typeof value === "boolean"))) return Boolean(value);
    if (kind === "text" || (kind === "prop" && name === "value")) return value === null ? "" : String(value);
    if (kind === "prop") return value;
    if (name.startsWith("aria-")) return value === null ? null : String(value); // there "false" is a value
    return value === null || value === false ? null : value === true ? "" : String(value);
  }

  const BOXES = "a[href], button, input, select, textarea, summary, [tabindex], [contenteditable]";

  /** Put `element` before `next`; what has the focus in it keeps it, with its selection. */
  function place(list, element, next) {
    const active = root.activeElement;
    const inside = element.isConnected && element.contains(active);
    if (!inside) return list.parent.insertBefore(element, next);
    if (list.parent.moveBefore) return list.parent.moveBefore(element, next);
    const { selectionStart, selectionEnd, selectionDirection, scrollTop } = active;
    moving = true;
    try {
      list.parent.insertBefore(element, next);
      active.focus({ preventScroll: true });
      if (typeof selectionStart === "number") active.setSelectionRange(selectionStart, selectionEnd, selectionDirection);
      active.scrollTop = scrollTop;
    } finally {
      moving = false;
    }
  }

  /** Take a row out; the focus that it had goes to the same box of the row that takes its place. */
  function take(list, row, neighbour) {
    const active = root.activeElement;
    const at = row.element.contains(active) ? [...row.element.querySelectorAll(BOXES)].indexOf(active) : -2;
    row.element.remove();
    if (at === -2 || !neighbour) return;
    const next = at < 0 ? neighbour.element : neighbour.element.querySelectorAll(BOXES)[at];
    next?.focus({ preventScroll: true });
  }

  const patches = {
    i(list, at, key, cells) {
      const row = build(list, key, cells);
      list.parent.insertBefore(row.element, list.rows[at]?.element ?? list.end);
      list.rows.splice(at, 0, row);
    },
    d(list, at) {
      const [row] = list.rows.splice(at, 1);
      take(list, row, list.rows[at] ?? list.rows[at - 1]);
    },
    m(list, at, to) {
      const [row] = list.rows.splice(at, 1);
      place(list, row.element, list.rows[to]?.element ?? list.end);
      list.rows.splice(to, 0, row);
    },
    u(list, at, cells) {
      for (const [column, value] of cells) fill(list.rows[at], column, value);
    },
    r(list, keys, rows) {
      const old = new Map(list.rows.map((row) => [row.key, row]));
      const active = root.activeElement;
      const next = keys.map((key, at) => {
        const row = old.get(key);
        if (!row) return build(list, key, rows[at]);
        old.delete(key);
        rows[at].forEach((value, column) => fill(row, column, value));
        return row;
      });
      for (const row of old.values()) row.element.remove();
      const stays = next.find((row) => row.element.contains(active)); // the others move around it
      let before = list.end;
      for (let at = next.length - 1; at >= 0; at--) {
        const { element } = next[at];
        if (element.nextSibling !== before) {
          if (next[at] === stays && element.isConnected) place(list, element, before);
          else list.parent.insertBefore(element, before);
        }
        before = element;
      }
      list.rows = next;
    },
  };

  // -- what the user does

  const QUIET = new Set(["focus", "blur", "scroll", "load", "error", "toggle", "mouseenter", "mouseleave"]); // don't bubble

  function detail(event, element) {
    const said = { type: event.type, id: element.id ?? "", value: element.value ?? null, checked: element.checked ?? null };
    const at = element.closest?.("[data-key]");
    const row = at && rowOf.get(at);
    if (row) [said.list, said.key] = [row.list.number, row.key];
    if ("key" in event) [said.pressed, said.repeat] = [event.key, event.repeat];
    if ("ctrlKey" in event)
      said.modifiers = ["ctrl", "alt", "shift", "meta"].filter((name) => event[`${name}Key`]);
    if ("clientX" in event) [said.x, said.y] = [event.clientX, event.clientY];
    const form = element.matches?.("form") ? element : null;
    if (form) said.form = [...new FormData(form)].filter(([, value]) => typeof value === "string");
    said.data = { ...element.dataset };
    return said;
  }

  function valueOf(element) {
    if (element.type === "checkbox" || element.type === "radio") return element.checked;
    if (element.type === "select-multiple") return [...element.selectedOptions].map((option) => option.value);
    return element.value;
  }

  function showInput(input, value) {
    const { element } = input;
    if (element.type === "checkbox" || element.type === "radio") element.checked = Boolean(value);
    else if (element.type === "select-multiple")
      for (const option of element.options) option.selected = value.includes(option.value);
    else setValue(element, value === null ? "" : String(value));
  }

  const ops = {
    find(number, selector) {
      elements.set(number, found(selector));
    },
    drop(number) {
      elements.delete(number);
    },
    set(number, kind, name, value) {
      const element = elements.get(number);
      if (element) set(element, kind, name, shown(kind, name, value));
    },
    call(number, method) {
      elements.get(number)?.[method]();
    },
    list(number, at, selector, columns) {
      const parent = elements.get(at);
      if (!parent) return;
      const template = selector === null ? parent.querySelector(":scope > template") : found(selector);
      if (template?.tagName !== "TEMPLATE")
        throw new Error(`rows are made by a <template>: ${selector ?? "the list's first one"} is none`);
      const parts = plan(template, columns);
      const model = template.content.firstElementChild;
      model.dataset.key = "";
      const end = parent.appendChild(root.createComment(""));
      lists.set(number, { number, parent, parts, model, end, rows: [] });
    },
    rows(number, listed) {
      const list = lists.get(number);
      if (list) for (const [kind, ...rest] of listed) patches[kind](list, ...rest);
    },
    unlist(number) {
      const list = lists.get(number);
      if (!list) return;
      for (const row of list.rows) row.element.remove();
      list.end.remove();
      lists.delete(number);
    },
    open(number, selector) {
      const template = found(selector);
      const nodes = [...template.content.cloneNode(true).childNodes];
      template.after(...nodes);
      blocks.set(number, nodes);
    },
    shut(number) {
      for (const node of blocks.get(number) ?? []) node.remove();
      blocks.delete(number);
    },
    on(number, type, selector, { prevent, stop }) {
      const heard = (event) => {
        const element = selector === null ? root.documentElement : event.target.closest?.(selector);
        if (!element || moving) return;
        if (prevent) event.preventDefault();
        if (stop) event.stopPropagation();
        say("event", number, detail(event, element));
      };
      const capture = QUIET.has(type);
      root.addEventListener(type, heard, { capture, passive: !prevent });
      ears.set(number, () => root.removeEventListener(type, heard, { capture }));
    },
    input(number, at) {
      const element = elements.get(at);
      if (!element) return;
      if (!("value" in element)) throw new Error(`<${element.tagName.toLowerCase()}> has no value to bind`);
      const input = { element, edits: 0, composing: false, waits: undefined };
      const ends = new AbortController();
      const hear = (type, heard) => element.addEventListener(type, heard, { signal: ends.signal });
      hear("input", () => say("input", number, ++input.edits, valueOf(element)));
      hear("compositionstart", () => (input.composing = true));
      hear("compositionend", () => {
        input.composing = false;
        if (input.waits !== undefined) showInput(input, input.waits);
        input.waits = undefined;
      });
      inputs.set(number, input);
      ears.set(number, () => ends.abort());
    },
    /** Show a value, unless the user has edited since what Python has heard: that is answered, too. */
    show(number, edits, value) {
      const input = inputs.get(number);
      if (!input || edits < input.edits) return;
      if (input.composing) input.waits = value;
      else showInput(input, value);
    },
    field(number, at) {
      const element = elements.get(at);
      if (element) texts.set(number, openTextField(element, (...said) => say("field", number, ...said)));
    },
    editor(number, at, address) {
      const element = elements.get(at);
      const fail = (error) => say("error", number, error.message);
      if (element) texts.set(number, openTextEditor(element, address, (...said) => say("editor", number, ...said), fail));
    },
    /** Tell a text field or an editor what it is to do. */
    text(number, ...said) {
      texts.get(number)?.act(...said);
    },
    off(number) {
      ears.get(number)?.();
      ears.delete(number);
      inputs.delete(number);
      texts.get(number)?.close();
      texts.delete(number);
    },
  };

  function apply(text) {
    for (const [name, ...rest] of JSON.parse(text)) {
      try {
        ops[name](...rest);
      } catch (error) {
        say("error", rest[0], error.message);
      }
    }
  }

  /** Call back once, with the next frame; in a hidden tab, which has none, by a timer. */
  function frame(call) {
    let due = true;
    const once = () => {
      if (due) call();
      due = false;
    };
    view.requestAnimationFrame(once);
    view.setTimeout(once, 100);
  }

  const adopt = (number, element) => void elements.set(number, element);
  const sizes = () => ({ elements: elements.size, lists: lists.size, blocks: blocks.size, ears: ears.size });

  return { adopt, apply, frame, sizes };
}

/** Have a worker's Python drive this document. */
export function attach(worker, root = document) {
  const applier = makeApplier(root, (message) => worker.postMessage({ page: message }));
  worker.addEventListener("message", ({ data }) => {
    if (typeof data?.page === "string") applier.apply(data.page);
  });
  return applier;
}
