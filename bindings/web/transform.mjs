// Edits that cross: the page's half of `dom/transform.py`, which draws the picture and says what holds.
//
//     [4, "two ", -5]      keeps four code points, puts a text there, takes five out; the rest is kept

const TOLD_EVERY = 32; // after so many edits heard without one said a side says how many

export const points = (text) => {
  let size = text.length;
  for (let at = 0; at < text.length - 1; at++) if (isPair(text, at)) size--;
  return size;
};

/** Whether one code point stands at `at` in two units. */
export function isPair(text, at) {
  return (text.charCodeAt(at) & 0xfc00) === 0xd800 && (text.charCodeAt(at + 1) & 0xfc00) === 0xdc00;
}

const isKept = (part) => typeof part === "number" && part > 0;

/** The parts of an edit that is being made; neighbours of one kind are one part, and nothing is kept at the end. */
function making() {
  const parts = [];
  let kept = 0;
  const add = (part) => {
    if (!part) return;
    if (isKept(part)) {
      kept += part;
      return;
    }
    if (kept) parts.push(kept);
    kept = 0;
    const last = parts.at(-1);
    if (typeof part === typeof last && !isKept(last)) parts[parts.length - 1] = last + part;
    else parts.push(part);
  };
  return { parts, add };
}

/** One change as an edit. */
export function asEdit(start, removed, inserted) {
  const { parts, add } = making();
  [start, inserted, -removed].forEach(add);
  return parts;
}

/** The changes that make up an edit, [start, removed, inserted] each, holding one after the other. */
export function asChanges(edit) {
  const changes = [];
  let [at, removed, inserted] = [0, 0, ""];
  const end = () => {
    if (removed || inserted) changes.push([at, removed, inserted]);
    [at, removed, inserted] = [at + points(inserted), 0, ""];
  };
  for (const part of edit) {
    if (typeof part === "string") inserted += part;
    else if (part < 0) removed -= part;
    else {
      end();
      at += part;
    }
  }
  end();
  return changes;
}

/** Where a cursor is after one change; what is inserted right there stands behind it. */
function moved(at, [start, removed, inserted]) {
  if (at <= start) return at;
  return at >= start + removed ? at + points(inserted) - removed : start;
}

/** `edit` as it is after `over`, both of one text; `first`: what it puts where `over` does stands in front. */
export function transformed(edit, over, first) {
  const { parts, add } = making();
  const ahead = [...over].reverse();
  for (const part of edit) {
    if (typeof part === "string") {
      while (!first && typeof ahead.at(-1) === "string") add(points(ahead.pop()));
      add(part);
      continue;
    }
    let left = Math.abs(part);
    while (left) {
      const other = ahead.length ? ahead.pop() : left;
      if (typeof other === "string") {
        add(points(other));
        continue;
      }
      const size = Math.min(left, Math.abs(other));
      if (Math.abs(other) > size) ahead.push(other > 0 ? other - size : other + size);
      if (other > 0) add(Math.sign(part) * size);
      left -= size;
    }
  }
  return parts;
}

/** One of two sides that edit a text: see `Side` in `dom/transform.py`. */
export function makeSide(first) {
  let [heard, told, unheardFrom] = [0, 0, 0];
  let unheard = [];
  const hear = (count) => {
    unheard.splice(0, count - unheardFrom);
    unheardFrom = count;
  };
  return {
    made(edit) {
      unheard.push(edit);
      told = heard;
      return [heard, edit];
    },
    take(count, edit) {
      hear(count);
      unheard = unheard.map((mine) => {
        const moved = transformed(mine, edit, first);
        edit = transformed(edit, mine, !first);
        return moved;
      });
      heard++;
      return edit;
    },
    hear,
    heard: () => heard,
    /** Where a place is here that the other side has told of, which has heard what `hear` says. */
    place: (at) => unheard.reduce((place, edit) => asChanges(edit).reduce(moved, place), at),
    /** How many are heard, where it is time to say so without an edit; else null. */
    tells() {
      if (heard - told < TOLD_EVERY) return null;
      return (told = heard);
    },
  };
}
