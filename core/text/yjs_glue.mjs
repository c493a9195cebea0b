// What a document on Yjs is asked from Python, in as few calls as may be. `Y` is the module yjs; bytes are Uint8Arrays.
export function yjsGlue(Y, field) {
  const HERE = "here"
  return {
    open(client, stepMs) {
      const doc = new Y.Doc()
      doc.clientID = client
      const text = doc.getText(field)
      const undo = new Y.UndoManager(text, {trackedOrigins: new Set([HERE]), captureTimeout: stepMs})
      const held = {doc, text, undo, update: null}
      doc.on("update", (update) => (held.update = update))
      return held
    },
    edit(held, edits) {
      held.update = new Uint8Array()
      held.doc.transact(() => {
        for (const [at, removed, inserted] of JSON.parse(edits)) {
          if (removed) held.text.delete(at, removed)
          if (inserted) held.text.insert(at, inserted)
        }
      }, HERE)
      return held.update
    },
    take: (held, update, isHere) => Y.applyUpdate(held.doc, update, isHere ? HERE : "others"),
    read: (held) => held.text.toString(),
    vector: (held) => Y.encodeStateVector(held.doc),
    since: (held, vector) => Y.encodeStateAsUpdate(held.doc, vector ?? undefined),
    merged: (updates) => Y.mergeUpdates(updates),
    back(held, isRedo) {
      held.update = null
      const undone = isRedo ? held.undo.redo() : held.undo.undo()
      return undone ? held.update : null
    },
    endStep: (held) => held.undo.stopCapturing(),
    sticky: (held, at, after) =>
      Y.encodeRelativePosition(Y.createRelativePositionFromTypeIndex(held.text, at, after ? 0 : -1)),
    indexOf(held, sticky) {
      const position = Y.decodeRelativePosition(sticky)
      return Y.createAbsolutePositionFromRelativePosition(position, held.doc)?.index ?? null
    },
    close(held) {
      held.undo.destroy()
      held.doc.destroy()
    },
  }
}
