// A text field of a page: what the user types goes to Python as edits, those of others come in, whatever they cross.
//
//     typed  --["edit", session, heard, [4, "3", -5]]-->  Python        transform.mjs: both are equal when all is heard
//            <--["edit", heard, [4, "two "], is back]---
//
// While an input method composes a character nothing is written into its box: what comes in waits. Undo and redo are
// Python's, for a browser's own would take back what others typed. A session begins with the whole text.

import { makeCursors } from "./text_cursors.mjs";
import { change, surfaceOf } from "./text_surface.mjs";
import { asChanges, asEdit, isPair, makeSide, points } from "./transform.mjs";

export function openTextField(element, say) {
  const ends = new AbortController();
  const hear = (type, heard) => element.addEventListener(type, heard, { signal: ends.signal });
  const surface = surfaceOf(element, typed);
  const root = element.ownerDocument;
  let [session, side, composing, waiting] = [0, makeSide(true), false, []];
  let [others, told] = [null, null]; // where they are drawn; where our cursor was said to be

  function typed() {
    const made = surface.typed();
    if (made === null) return;
    const [before, removed, inserted] = made;
    say("edit", session, ...side.made(asEdit(points(before), points(removed), inserted)));
  }

  function tellCursor() {
    typed(); // the place is one of the text as it is now
    const at = surface.cursor();
    if (at === null) return;
    const place = points(surface.text.slice(0, at));
    if (place !== told) say("cursor", session, side.heard(), place);
    told = place;
  }

  function back(event, which) {
    event.preventDefault();
    typed();
    say(which, session);
  }

  hear("input", () => {
    typed();
    if (!composing) surface.settle();
  });
  hear("compositionstart", () => (composing = true));
  hear("compositionend", () => {
    composing = false;
    typed();
    surface.settle();
    for (const [what, said] of waiting.splice(0)) acts[what](...said);
  });
  hear("beforeinput", (event) => {
    if (event.inputType === "historyUndo") back(event, "undo");
    if (event.inputType === "historyRedo") back(event, "redo");
  });
  hear("keydown", (event) => {
    const which = event.isComposing ? null : backKey(event);
    if (which !== null) back(event, which);
  });

  const acts = {
    begin(number, text) {
      [session, side] = [number, makeSide(true)];
      surface.typed();
      const [from, to, inserted] = change(surface.text, text);
      if (from < to || inserted) surface.write(from, to - from, inserted);
    },
    edit(heard, edit, isBack) {
      typed(); // what a script of the page has put there
      const changes = asChanges(side.take(heard, edit));
      for (const [start, removed, inserted] of changes) {
        const from = unit(surface.text, start);
        surface.write(from, unit(surface.text, removed, from) - from, inserted);
        if (isBack) surface.caret(from + inserted.length);
      }
      const told = side.tells();
      if (told !== null) say("heard", session, told);
    },
    heard: (count) => side.hear(count),
    lock: (on) => surface.lock(on),
    /** Tell where the cursor is from now on. */
    follow() {
      root.addEventListener("selectionchange", tellCursor, { signal: ends.signal });
      tellCursor();
    },
    /** Show where others stand: name, colour, place, the other end of what is selected. */
    cursors(heard, listed) {
      side.hear(heard);
      others ??= makeCursors(element);
      const shown = (place) => surface.shown(unit(surface.text, side.place(place)));
      others.show(listed.map(([name, color, at, anchor]) => ({ name, color, at: shown(at), anchor: shown(anchor) })));
    },
  };

  return {
    act(what, ...said) {
      if (composing) waiting.push([what, said]);
      else acts[what](...said);
    },
    close() {
      ends.abort();
      others?.close();
      surface.close();
    },
  };
}

/** Where so many code points from `from` on end. */
function unit(text, count, from = 0) {
  let at = from;
  for (; count > 0 && at < text.length; count--) at += isPair(text, at) ? 2 : 1;
  return at;
}

function backKey({ key, ctrlKey, metaKey, shiftKey, altKey }) {
  if (!(ctrlKey || metaKey) || altKey) return null;
  if (key.toLowerCase() === "z") return shiftKey ? "redo" : "undo";
  return key.toLowerCase() === "y" && !shiftKey ? "redo" : null;
}
