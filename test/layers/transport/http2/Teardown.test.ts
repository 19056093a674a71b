import { once } from "node:events"
import * as http2 from "node:http2"
import * as net from "node:net"
import { assert, describe, it } from "@effect/vitest"
import * as Session from "../../../../src/layers/transport/http2/Session.ts"
import { StreamFate } from "../../../../src/layers/transport/http2/StreamFate.ts"
import * as Teardown from "../../../../src/layers/transport/http2/Teardown.ts"

const count = 1000

const isDone = (is: () => boolean): Promise<void> =>
  new Promise((resolve) => {
    const look = (): void => void (is() ? resolve() : setTimeout(look, 1))
    look()
  })

/** Some sessions with a thousand streams between them, the fates of these, and in which turn of the loop each closes. */
const world = async (sessionsCount: number) => {
  const sessions: Array<Session.Session> = []
  const fates: Array<StreamFate> = []
  const closedIn = new Map<number, number>()
  let turn = 0
  let isOver = false
  const tick = (): void => {
    turn += 1
    if (!isOver) setImmediate(tick)
  }
  tick()
  const server = http2.createServer({ settings: { maxConcurrentStreams: count } })
  let arriving: net.Socket | undefined
  server.on("session", (session) => {
    if (arriving !== undefined) sessions.push(Session.adopt(session, arriving))
    session.on("error", () => undefined)
  })
  server.on("stream", (stream) => {
    const session = sessions.find((one) => one.http2 === stream.session)
    if (session === undefined) return
    fates.push(new StreamFate(session, stream))
    stream.on("close", () => closedIn.set(turn, (closedIn.get(turn) ?? 0) + 1))
  })
  const port = net.createServer((socket) => {
    arriving = socket
    socket.on("error", () => undefined)
    server.emit("connection", socket)
  })
  await once(port.listen(0, "127.0.0.1"), "listening")
  const address = port.address()
  const to = typeof address === "object" && address !== null ? address.port : 0
  const clients = Array.from({ length: sessionsCount }, () => {
    const socket = net.connect(to, "127.0.0.1")
    const client = http2.connect("http://127.0.0.1", { createConnection: () => socket })
    client.on("error", () => undefined)
    for (let i = 0; i < count / sessionsCount; i++)
      client.request({ ":method": "POST" }, { endStream: false }).on("error", () => undefined)
    return { client, socket }
  })
  await isDone(() => fates.length === count)
  return {
    clients,
    sessions,
    fates,
    /** Waits until all is closed; returns how many streams closed in the turn in which most did. */
    most: async () => {
      await isDone(() => [...closedIn.values()].reduce((sum, one) => sum + one, 0) === count)
      await isDone(() => sessions.every((session) => session.http2.destroyed && session.isLost()))
      isOver = true
      for (const { client } of clients) client.destroy()
      port.close()
      return Math.max(...closedIn.values())
    }
  }
}

type World = Awaited<ReturnType<typeof world>>

const ends: ReadonlyArray<readonly [string, (world: World) => void]> = [
  ["hang up", ({ clients }) => clients.forEach(({ socket }) => void socket.destroy())],
  ["reset their connections", ({ clients }) => clients.forEach(({ socket }) => void socket.resetAndDestroy())],
  ["are given up", ({ sessions }) => sessions.forEach((session) => void session.abandon())],
  ["are sent away", ({ sessions }) => sessions.forEach((session) => void session.dismiss("calm", 11))]
]

describe("streams of sessions whose peers", () => {
  for (const sessionsCount of [1, 4])
    it.each(ends)(`%s close a few in each turn, and are lost: ${sessionsCount} sessions`, async (_, end) => {
      const made = await world(sessionsCount)
      end(made)
      assert.isAtMost(await made.most(), Teardown.closingsPerTurn)
      assert.deepStrictEqual(
        made.fates.filter((fate) => fate.fate() !== "lost"),
        []
      )
    })
})

describe("connections whose peers hang up at once", () => {
  it("close a few in each turn", async () => {
    const made = await world(100)
    const closed: Array<number> = []
    let turn = 0
    const tick = setInterval(() => undefined, 1)
    const count = (): void => {
      turn += 1
      if (closed.length < made.sessions.length) setImmediate(count)
    }
    count()
    for (const { socket } of made.sessions) socket.socket.once("close", () => closed.push(turn))
    for (const { socket } of made.sessions) socket.socket.destroy()
    await made.most()
    await isDone(() => closed.length === made.sessions.length)
    clearInterval(tick)
    const perTurn = closed.map((at) => closed.filter((other) => other === at).length)
    assert.isAtMost(Math.max(...perTurn), Teardown.closingsPerTurn / Teardown.connectionCost)
  })
})
