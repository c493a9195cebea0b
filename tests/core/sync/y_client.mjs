// Real Yjs clients over y-websocket, driven by lines of JSON: {"client": 1, "do": "insert", ...} -> {"client": 1, ...}
import { createInterface } from "node:readline"
import * as Y from "yjs"
import { WebsocketProvider } from "y-websocket"
import WebSocket from "ws"

const clients = new Map()
const [url, room, token] = process.argv.slice(2)

function open(number, name) {
  const doc = new Y.Doc()
  const provider = new WebsocketProvider(url, room, doc, {
    WebSocketPolyfill: WebSocket, params: { token: token ?? name }, disableBc: true, maxBackoffTime: 100,
  })
  provider.awareness.setLocalState({ user: { name } })
  clients.set(number, { doc, provider, text: doc.getText("text") })
}

const until = async (holds) => {
  while (!holds()) await new Promise((done) => setTimeout(done, 10))
}

const acts = {
  open: ({ client, name }) => open(client, name),
  insert: ({ client, at, text }) => clients.get(client).text.insert(at, text),
  delete: ({ client, at, count }) => clients.get(client).text.delete(at, count),
  text: ({ client }) => clients.get(client).text.toString(),
  sees: ({ client, text }) => until(() => clients.get(client).text.toString() === text),
  has: ({ client, text }) => until(() => clients.get(client).text.toString().includes(text)),
  names: ({ client, names }) =>
    until(() => {
      const states = [...clients.get(client).provider.awareness.getStates().values()]
      return JSON.stringify(states.map((state) => state.user?.name).sort()) === JSON.stringify(names)
    }),
  connected: ({ client, is }) => until(() => clients.get(client).provider.wsconnected === is),
  disconnect: ({ client }) => clients.get(client).provider.disconnect(),
  connect: ({ client }) => clients.get(client).provider.connect(),
  closed: ({ client }) => clients.get(client).closed,
  vector: ({ client }) => Buffer.from(Y.encodeStateVector(clients.get(client).doc)).toString("hex"),
}

for await (const line of createInterface({ input: process.stdin })) {
  const asked = JSON.parse(line)
  const value = await acts[asked.do](asked)
  process.stdout.write(JSON.stringify({ value: value ?? null }) + "\n")
}
process.exit(0)
