// CodeMirror on a shared text, as a page's author writes it.
export * from "yjs"
export * from "y-protocols/awareness"
import { keymap } from "@codemirror/view"
import { EditorView, basicSetup } from "codemirror"
import { yCollab, yUndoManagerKeymap } from "y-codemirror.next"

export default (parent, { text, awareness }) => {
  const undo = keymap.of(yUndoManagerKeymap) // before that of CodeMirror, which takes back what others typed, too
  const extensions = [undo, basicSetup, yCollab(text, awareness)]
  const editor = new EditorView({ parent, doc: text.toString(), extensions })
  globalThis.opened = [...(globalThis.opened ?? []), editor]
  return editor
}
