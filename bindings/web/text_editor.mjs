// An editor of the page's own on a shared text: CodeMirror, Monaco, whatever edits a Y.Text of Yjs.
//
//     editor <--> doc.getText("text") --["update", session, base64]--> Python: the shared text takes it
//                                     <--["update", base64]-----------
//
// The module that opens it brings its Yjs along, so that both mean the same classes:
//
//     export * from "yjs"
//     export * from "y-protocols/awareness"                     // where cursors are to be seen
//     export default (element, { text, doc, awareness }) => ... // returns the editor, or a function that ends it
//
// A session begins with a document of its own; where the text has become another document, with another one.

const FROM_PYTHON = {};

export function openTextEditor(element, address, say, fail) {
  let [Y, doc, awareness, end, session] = [null, null, null, () => {}, 0];
  let [waiting, cursors, isClosed] = [[], [], false];

  function begin(number, state) {
    leave();
    session = number;
    doc = new Y.Doc();
    Y.applyUpdate(doc, bytes(state), FROM_PYTHON);
    doc.on("update", (update, origin) => {
      if (origin !== FROM_PYTHON) say("update", number, base64(update));
    });
    if (Y.Awareness) {
      awareness = new Y.Awareness(doc);
      awareness.on("change", (_, origin) => {
        if (origin !== FROM_PYTHON) tellCursor();
      });
    }
    const opened = Y.default(element, { doc, text: doc.getText("text"), awareness });
    end = typeof opened === "function" ? opened : () => opened?.destroy?.();
    seat();
  }

  function leave() {
    if (doc === null) return;
    end();
    awareness?.destroy();
    doc.destroy();
    element.replaceChildren();
    [doc, awareness, end] = [null, null, () => {}];
  }

  let told = "";

  /** Say where the cursor stands: editors keep it among what they say of themselves. */
  function tellCursor() {
    const { head = null } = awareness.getLocalState()?.cursor ?? {};
    const at = head && base64(Y.encodeRelativePosition(Y.createRelativePositionFromJSON(head)));
    if (at !== told) say("cursor", session, at);
    told = at;
  }

  /** Have the editor show where others stand. They are no clients of Yjs here, so they go by small numbers. */
  function seat() {
    if (awareness === null) return;
    const place = (at) => Y.relativePositionToJSON(Y.decodeRelativePosition(bytes(at)));
    const before = [...awareness.getStates().keys()].filter((client) => client !== doc.clientID);
    before.forEach((client) => awareness.states.delete(client));
    const now = cursors.map(([name, color, at, anchor], client) => {
      const cursor = { head: place(at), anchor: place(anchor ?? at) };
      awareness.states.set(client, { user: { name, color, colorLight: `${color}33` }, cursor });
      return client;
    });
    const [added, updated] = [now.filter((one) => !before.includes(one)), now.filter((one) => before.includes(one))];
    const removed = before.filter((one) => !now.includes(one));
    awareness.emit("change", [{ added, updated, removed }, FROM_PYTHON]);
  }

  const acts = {
    begin,
    update: (update) => Y.applyUpdate(doc, bytes(update), FROM_PYTHON),
    cursors(listed) {
      cursors = listed;
      seat();
    },
  };

  const tried = (what, said) => {
    try {
      acts[what](...said);
    } catch (error) {
      fail(error);
    }
  };

  import(new URL(address, element.baseURI).href).then((module) => {
    if (isClosed) return;
    if (typeof module.default !== "function" || !module.Doc)
      throw new Error(`${address} doesn't export what opens an editor as its default, and all of yjs beside it`);
    Y = module;
    for (const [what, said] of waiting.splice(0)) tried(what, said);
  }).catch(fail);

  return {
    act(what, ...said) {
      if (Y === null) waiting.push([what, said]);
      else tried(what, said);
    },
    close() {
      isClosed = true;
      leave();
    },
  };
}

function base64(data) {
  let text = "";
  for (let at = 0; at < data.length; at += 4096) text += String.fromCharCode(...data.subarray(at, at + 4096));
  return btoa(text);
}

const bytes = (text) => Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
