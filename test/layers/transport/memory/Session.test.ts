/** The sessions of a memory network, as machines: two of them, with what one says given to the other. */
import { assert, describe, it } from "vitest"
import * as Session from "../../../../src/layers/transport/memory/Session.ts"
import * as Frame from "../../../../src/protocol/flow/Frame.ts"

const frameBytes = 64 * 1024

const pair = () => {
  const [client, first] = Session.make("client")
  const [server, second] = Session.make("server")
  const heard: Array<string> = []
  const other = (at: Session.Session) => (at === client ? server : client)
  /** Gives what is said to the other side, and what that says, until nobody says anything. */
  const perform = (at: Session.Session, outputs: Session.Outputs): void => {
    for (const output of outputs) {
      if (output._tag === "Send") perform(other(at), Session.receive(other(at), output.message))
      else heard.push(`${at.role} ${output._tag}${"stream" in output ? ` ${output.stream?.id ?? "all"}` : ""}`)
    }
  }
  perform(client, first)
  perform(server, second)
  const open = (): Session.Stream => {
    const opened = Session.open(client)
    if (opened === undefined) return assert.fail("no stream")
    perform(client, opened[1])
    return opened[0]
  }
  const there = ({ id }: Session.Stream): Session.Stream => server.streams.get(id) ?? assert.fail("not there")
  heard.length = 0
  return { client, server, heard, perform, open, there }
}

/** Sends frames until the window is used up; how many bytes that were. */
const fill = ({ client, perform }: ReturnType<typeof pair>, stream: Session.Stream): number => {
  let bytes = 0
  while (Session.mayWrite(client, stream)) {
    perform(client, Session.write(client, stream, Frame.word, frameBytes))
    bytes += frameBytes
  }
  return bytes
}

describe("a session of a memory network", () => {
  it("is agreed once each side has taken the settings of the other", () => {
    const { client, server } = pair()
    assert.isTrue(client.isAgreed && server.isAgreed)
  })

  it("lets a stream send a window and no more than a frame beyond it, until it is read", () => {
    const world = pair()
    const stream = world.open()
    const bytes = fill(world, stream)
    assert.isAtLeast(bytes, Session.streamWindowBytes)
    assert.isBelow(bytes, Session.streamWindowBytes + frameBytes)
    world.heard.length = 0
    world.perform(world.server, Session.read(world.there(stream), frameBytes))
    assert.isFalse(Session.mayWrite(world.client, stream))
    world.perform(world.server, Session.read(world.there(stream), frameBytes))
    assert.deepStrictEqual(world.heard, ["client Room 1"])
    assert.isTrue(Session.mayWrite(world.client, stream))
  })

  it("gives its own window back whoever reads, so that a stalled stream stops no other", () => {
    const world = pair()
    for (let i = 0; i < 300; i++) fill(world, world.open())
    assert.isAbove(world.client.window, Session.sessionWindowBytes / 4)
  })

  it("ends a stream that both sides have finished, and not before", () => {
    const { client, heard, open, perform, server, there } = pair()
    const stream = open()
    const far = there(stream)
    perform(client, Session.finish(client, stream))
    assert.strictEqual(client.streams.size, 1)
    perform(server, Session.finish(server, far))
    assert.strictEqual(client.streams.size + server.streams.size, 0)
    assert.deepStrictEqual(heard, ["server Opened 1", "server Ended 1", "client Ended 1"])
    assert.isEmpty(Session.reset(client, stream))
  })

  it("breaks a stream that is reset at both sides, and stops one whose endpoint wants no more", () => {
    const { client, heard, open, perform, server, there } = pair()
    const [one, two] = [open(), open()]
    const far = there(two)
    heard.length = 0
    perform(client, Session.reset(client, one))
    perform(server, Session.finish(server, far))
    perform(server, Session.stop(server, far))
    assert.deepStrictEqual(heard.sort(), ["client Broke 1", "client Ended 3", "client Stopped 3", "server Broke 1"])
    assert.isFalse(Session.mayWrite(client, two))
    assert.isUndefined(two.broken)
  })

  it("refuses by GOAWAY what was not looked at, lets the others go on, and takes no more", () => {
    const { client, open, perform, server } = pair()
    const seen = open()
    const late = Session.open(client)
    perform(server, Session.retire(server))
    assert.strictEqual(late?.[0].broken, "refused")
    assert.isUndefined(seen.broken)
    assert.isUndefined(Session.open(client))
    // It was on its way when GOAWAY was said.
    assert.isEmpty(Session.receive(server, { _tag: "Open", id: late?.[0].id ?? 0 }))
    perform(client, Session.finish(client, seen))
    assert.isTrue(server.streams.get(seen.id)?.isEnded)
  })

  it("loses all its streams with its connection, once, and answers nothing after it", () => {
    const { client, heard, open, perform } = pair()
    open()
    open()
    heard.length = 0
    perform(client, Session.lose(client))
    assert.deepStrictEqual(heard, ["client Broke 1", "client Broke 3", "client Agreed", "client Retired"])
    assert.isEmpty(Session.lose(client))
    assert.isEmpty(Session.receive(client, { _tag: "Ping", token: 1, isAnswer: false }))
  })
})
