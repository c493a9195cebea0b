// A real Yjs behind lines of JSON: {doc, do, ...} in, {ok} or {error} out. Bytes are base64, indexes UTF-16.
import { createRequire } from "node:module";
import readline from "node:readline";

const Y = createRequire(process.argv[2] + "/")("yjs");
const docs = new Map();
const b64 = (bytes) => Buffer.from(bytes).toString("base64");
const bytes = (text) => new Uint8Array(Buffer.from(text, "base64"));

const verbs = {
  open({ doc, client }) {
    const made = new Y.Doc();
    made.clientID = client;
    const text = made.getText("text");
    const state = { doc: made, text, update: null, delta: null };
    made.on("update", (update) => (state.update = update));
    text.observe((event) => (state.delta = event.delta));
    state.undo = new Y.UndoManager(text, { captureTimeout: 0, trackedOrigins: new Set(["here"]) });
    docs.set(doc, state);
  },
  edit({ doc, changes }) {
    const state = docs.get(doc);
    state.update = null;
    state.doc.transact(() => {
      for (const [start, removed, inserted] of changes) {
        if (removed) state.text.delete(start, removed);
        if (inserted) state.text.insert(start, inserted);
      }
    }, "here");
    return state.update ? b64(state.update) : "";
  },
  apply({ doc, update }) {
    const state = docs.get(doc);
    state.delta = [];
    Y.applyUpdate(state.doc, bytes(update), "remote");
    return state.delta;
  },
  back({ doc, verb }) {
    const state = docs.get(doc);
    state.update = null;
    state.delta = [];
    state.undo[verb]();
    return [state.update ? b64(state.update) : "", state.delta];
  },
  text: ({ doc }) => docs.get(doc).text.toString(),
  vector: ({ doc }) => b64(Y.encodeStateVector(docs.get(doc).doc)),
  since: ({ doc, vector }) =>
    b64(Y.encodeStateAsUpdate(docs.get(doc).doc, vector === null ? undefined : bytes(vector))),
  sticky: ({ doc, index, assoc }) =>
    b64(Y.encodeRelativePosition(Y.createRelativePositionFromTypeIndex(docs.get(doc).text, index, assoc))),
  index({ doc, sticky }) {
    const at = Y.createAbsolutePositionFromRelativePosition(Y.decodeRelativePosition(bytes(sticky)), docs.get(doc).doc);
    return at === null ? null : at.index;
  },
  close({ doc }) {
    docs.get(doc).doc.destroy();
    docs.delete(doc);
  },
};

for await (const line of readline.createInterface({ input: process.stdin })) {
  const ask = JSON.parse(line);
  let answer;
  try {
    answer = { ok: verbs[ask.do](ask) ?? null };
  } catch (error) {
    answer = { error: String(error) };
  }
  process.stdout.write(JSON.stringify(answer) + "\n");
}
