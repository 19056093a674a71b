/** What any client may expect of a flow to an endpoint of ours, whatever it is made of and whichever protocol it speaks. */
import * as http2 from "node:http2"
import { assert, it } from "@effect/vitest"
import { Deferred, Effect, type Scope } from "effect"
import * as Request from "../../src/layers/transport/http2/foreign/Request.ts"
import { FailReason, RejectReason } from "../../src/protocol/gen/grinta/v1/flow_pb.ts"
import * as Calls from "./FlowCalls.ts"
import * as FlowHost from "./FlowHost.ts"
import { becomes } from "./Ours.ts"
import { listen } from "./Processes.ts"

export interface Client {
  readonly name: string
  /** Whether a host serves its calls on the direct path; otherwise connect-node does. */
  readonly isDirect: boolean
  readonly call: (
    port: number,
    options: { readonly timeoutMillis: number | undefined }
  ) => Effect.Effect<Calls.Call, never, Scope.Scope>
  /** The deadline that the client sets on every call; undefined for none. */
  readonly timeoutMillis?: number
  /** A client that cannot set a deadline is spared its test. */
  readonly hasDeadlines?: boolean
  /** What the endpoint sees of a client that gives up: a process that ends takes its connection with it. */
  readonly givesUp?: "FlowReset" | "PeerLost"
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const texts = (messages: ReadonlyArray<Uint8Array>) => messages.map((message) => Buffer.from(message).toString())

/** Bytes of which no piece is like another. */
const noise = (length: number): Uint8Array => Uint8Array.from({ length }, (_, i) => (i * 31 + (i >> 8) * 7) & 0xff)

/** A port that only looks at the headers of the first call. */
const listener = Effect.gen(function* () {
  const sessions = new Set<http2.Http2Session>()
  const server = http2.createServer().on("session", (session) => sessions.add(session))
  const asked = yield* Deferred.make<http2.IncomingHttpHeaders>()
  server.once("stream", (stream, headers) => {
    stream.on("error", () => undefined)
    Deferred.doneUnsafe(asked, Effect.succeed(headers))
  })
  const port = yield* Effect.acquireRelease(listen(server), () =>
    Effect.sync(() => {
      for (const session of sessions) session.destroy()
      server.close()
    })
  )
  return { port, headers: Effect.timeout(Deferred.await(asked), "20 seconds") }
})

export const flowLaws = (client: Client): void => {
  const setup = Effect.fnUntraced(function* (endpoint: string, timeoutMillis = client.timeoutMillis) {
    const host = yield* FlowHost.start
    const call = yield* client.call(host.port, { timeoutMillis })
    yield* call.send(Calls.open(endpoint))
    const answer = yield* call.next
    return { host, call, answer }
  })

  const accepted = Effect.fnUntraced(function* (endpoint: string, timeoutMillis = client.timeoutMillis) {
    const opened = yield* setup(endpoint, timeoutMillis)
    assert.strictEqual(opened.answer.case, "accepted")
    return opened
  })

  const isEnd = (said: Calls.Said, count: number): void => {
    assert.isTrue(said.case === "end" && said.value.count === BigInt(count), `${said.case} is no End of ${count}`)
  }

  const stateOf = (host: FlowHost.FlowHost, name: string, state: string) =>
    becomes(
      `the flow is ${state}`,
      Effect.sync(() => host.states.get(name)),
      state
    )

  const isOver = Effect.fnUntraced(function* (call: Calls.Call, code = "ok") {
    assert.deepStrictEqual(yield* call.next, { case: "over", code })
  })

  it.live(`${client.name}: is served ${client.isDirect ? "on the direct path" : "by connect-node"}`, () =>
    Effect.gen(function* () {
      const { headers, port } = yield* listener
      const call = yield* client.call(port, { timeoutMillis: client.timeoutMillis })
      yield* call.send(Calls.open("echo"))
      assert.strictEqual(Request.isDirect(yield* headers), client.isDirect)
    })
  )

  it.live(`${client.name}: talks both ways, and counts`, () =>
    Effect.gen(function* () {
      const { call } = yield* accepted("echo")
      for (let i = 0; i < 50; i++) {
        yield* call.send(Calls.data(bytes(`ping ${i}`)))
        const { messages } = yield* Calls.readMessages(call, 1)
        assert.deepStrictEqual(texts(messages), [`ping ${i}`])
      }
      const batch = Array.from({ length: 100 }, (_, i) => `${i}`)
      for (let i = 0; i < 5; i++) yield* call.send(Calls.data(...batch.map(bytes), bytes("")))
      yield* call.send(Calls.end(555))
      yield* call.finish
      const { last, messages } = yield* Calls.readMessages(call)
      assert.deepStrictEqual(texts(messages), Array.from({ length: 5 }, () => [...batch, ""]).flat())
      isEnd(last, 555)
      yield* isOver(call)
    })
  )

  it.live(`${client.name}: ends first, and hears the answer`, () =>
    Effect.gen(function* () {
      const { call } = yield* accepted("total")
      yield* call.send(Calls.data(bytes("one"), bytes("two")))
      yield* call.send(Calls.data(bytes("three")))
      yield* call.send(Calls.end(3))
      yield* call.finish
      const { last, messages } = yield* Calls.readMessages(call)
      assert.deepStrictEqual(texts(messages), [`{"messages":3,"bytes":11}`])
      isEnd(last, 1)
      yield* isOver(call)
    })
  )

  it.live(`${client.name}: is heard after the endpoint has ended`, () =>
    Effect.gen(function* () {
      const { call, host } = yield* accepted("greeter")
      const { last, messages } = yield* Calls.readMessages(call)
      assert.deepStrictEqual(texts(messages), ["hello"])
      isEnd(last, 1)
      yield* call.send(Calls.data(bytes("late"), bytes("later")))
      yield* becomes(
        "the endpoint hears it",
        Effect.sync(() => host.heard.join()),
        "late,later"
      )
      yield* call.send(Calls.end(2))
      yield* call.finish
      yield* isOver(call)
    })
  )

  it.live(`${client.name}: cuts and joins a large message`, () =>
    Effect.gen(function* () {
      const { call } = yield* accepted("echo")
      const large = noise(150_000)
      yield* call.send(Calls.partial(large.subarray(0, 60_000)))
      yield* call.send(Calls.partial(large.subarray(60_000, 60_001)))
      yield* call.send(Calls.partial(large.subarray(60_001, 120_000)))
      yield* call.send(Calls.data(large.subarray(120_000), bytes("small")))
      yield* call.send(Calls.end(2))
      yield* call.finish
      const { last, messages } = yield* Calls.readMessages(call)
      assert.strictEqual(messages.length, 2)
      assert.isTrue(Buffer.from(messages[0] ?? []).equals(large))
      assert.deepStrictEqual(texts(messages.slice(1)), ["small"])
      isEnd(last, 2)
      yield* isOver(call)
    })
  )

  it.live(`${client.name}: gets the error that the endpoint declares, behind what it said before`, () =>
    Effect.gen(function* () {
      const { call } = yield* accepted("chat")
      yield* call.send(Calls.data(bytes(`{"text":"hi"}`), bytes(`{"text":"spam"}`)))
      const { last, messages } = yield* Calls.readMessages(call)
      assert.deepStrictEqual(texts(messages), [`{"said":"hi"}`])
      assert.isTrue(last.case === "fail" && last.value.reason === FailReason.DOMAIN, last.case)
      const error = last.case === "fail" ? texts([last.value.error]) : []
      assert.deepStrictEqual(error, [`{"_tag":"Banned","until":"tomorrow"}`])
      yield* call.finish
      yield* isOver(call)
    })
  )

  it.live(`${client.name}: is told that a message does not fit the contract`, () =>
    Effect.gen(function* () {
      const { call } = yield* accepted("chat")
      yield* call.send(Calls.data(bytes(`{"no":"text"}`)))
      const last = yield* call.next
      assert.isTrue(last.case === "fail" && last.value.reason === FailReason.MALFORMED_MESSAGE, last.case)
      yield* call.finish
      yield* isOver(call)
    })
  )

  it.live(`${client.name}: is rejected where there is no endpoint of the name`, () =>
    Effect.gen(function* () {
      const { answer, call } = yield* setup("nobody")
      assert.isTrue(
        answer.case === "rejected" && answer.value.reason === RejectReason.ENDPOINT_NOT_FOUND,
        `it was ${answer.case}`
      )
      yield* call.finish
      yield* isOver(call)
    })
  )

  it.live(`${client.name}: that gives up is missed by the endpoint at once`, () =>
    Effect.gen(function* () {
      const { call, host } = yield* accepted("silent")
      yield* call.send(Calls.data(bytes("dear")))
      yield* stateOf(host, "dear", "open")
      yield* call.cancel
      yield* stateOf(host, "dear", client.givesUp ?? "FlowReset")
    })
  )

  if (client.hasDeadlines !== false)
    it.live(`${client.name}: has a deadline on both sides`, () =>
      Effect.gen(function* () {
        const { call, host } = yield* accepted("silent", 1_000)
        yield* call.send(Calls.data(bytes("late")))
        yield* isOver(call, "deadline_exceeded")
        // The clock of the client may be the first, and its reset with it.
        const isKnown = Effect.sync(() => /^(DeadlineExceeded|FlowReset)$/.test(host.states.get("late") ?? ""))
        yield* becomes("the flow has failed", isKnown, true)
      })
    )
}
