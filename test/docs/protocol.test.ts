/** What docs/protocol.md draws is what a caller and a host do. */
import { execFile } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Cause, Context, Deferred, Duration, Effect, Exit, Layer, Option, Result, Schema, Stream } from "effect"
import * as Timeouts from "../../src/layers/core/Timeouts.ts"
import * as Core from "../../src/layers/fabric/Core.ts"
import * as Answering from "../../src/layers/flow/Answering.ts"
import * as Opening from "../../src/layers/flow/Opening.ts"
import * as Serving from "../../src/layers/flow/Serving.ts"
import * as Grinta from "../../src/layers/Grinta.ts"
import * as Bounds from "../../src/layers/transport/http2/foreign/Bounds.ts"
import * as EnvelopeGuard from "../../src/layers/transport/http2/foreign/EnvelopeGuard.ts"
import * as Http2Room from "../../src/layers/transport/http2/Room.ts"
import * as Session from "../../src/layers/transport/http2/Session.ts"
import * as Shares from "../../src/layers/transport/http2/Shares.ts"
import * as LocalLink from "../../src/layers/transport/link/LocalLink.ts"
import * as TransportConnect from "../../src/layers/transport/TransportConnect.ts"
import * as JsonBounds from "../../src/protocol/codec/JsonBounds.ts"
import * as ProtobufBounds from "../../src/protocol/codec/ProtobufBounds.ts"
import { toHex } from "../../src/protocol/Fingerprint.ts"
import * as Conduct from "../../src/protocol/flow/Conduct.ts"
import * as Envelope from "../../src/protocol/flow/Envelope.ts"
import * as Frame from "../../src/protocol/flow/Frame.ts"
import * as Inbox from "../../src/protocol/flow/Inbox.ts"
import * as Limits from "../../src/protocol/flow/Limits.ts"
import * as Liveness from "../../src/protocol/flow/Liveness.ts"
import * as Codec from "../../src/services/Codec.ts"
import * as Contract from "../../src/services/Contract.ts"
import * as Endpoint from "../../src/services/Endpoint.ts"
import type { Flow } from "../../src/services/Flow.ts"
import { FlowError } from "../../src/services/FlowError.ts"
import { NetworkError } from "../../src/services/NetworkError.ts"
import { LinkBroken, Transport } from "../../src/services/Transport.ts"
import { pull } from "../laws/Pulled.ts"
import { started } from "../laws/Started.ts"
import { envelope, goodEnd, lives } from "../vectors/flow.ts"
import { blocksOf, hostPort, sort, sourceOf, where } from "./blocks.ts"

const document = "docs/protocol.md"
const content = readFileSync(document, "utf8")
const { flows, programs, shells } = sort(blocksOf(document, content))

class Refused extends Schema.TaggedError<Refused>()("Refused", {}) {}

const text = { encode: (message: string) => new TextEncoder().encode(message) }
const raw = {
  _tag: "Codec" as const,
  id: "text",
  shape: "text",
  encode: (message: string) => Result.succeed(text.encode(message)),
  decode: (encoded: Uint8Array) => Result.succeed(new TextDecoder().decode(encoded))
}
const contract = Contract.make("echo", { input: raw, output: raw, error: Refused })
const config: Serving.Config = { ...Serving.defaults, handlerGrace: "50 millis", drainTimeout: "100 millis" }
const host = { id: "server", generation: 1, address: "127.0.0.1", flowPort: 1, locality: "", tags: {} }

const camel = (reason: string): string =>
  reason
    .toLowerCase()
    .split("_")
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join("")

const isIn = <Name extends string>(names: ReadonlyArray<Name>, name: string): name is Name =>
  names.some((known) => known === name)

const rejectReasons = [
  ...(["EndpointNotFound", "EndpointBusy", "Incompatible", "NameInvalid"] as const),
  ...(["Unauthorized", "Closed", "WrongHost", "Path"] as const)
]
const failReasons = [
  ...(["Domain", "Handler", "Reset", "MalformedMessage"] as const),
  ...(["MessageTooLarge", "ProtocolViolation", "Closed", "DeadlineExceeded", "DomainCut"] as const)
]

type Step = Frame.Frame | LinkBroken | "finish"

const stepOf = (words: string): Step => {
  const [kind = "", ...rest] = words.split(" ")
  const [first = ""] = rest
  if (words === "(connection lost)") return new LinkBroken({ how: "lost", detail: "lost" })
  if (words === "(stream reset)") return new LinkBroken({ how: "reset", detail: "reset" })
  if (words === "(deadline passed)") return new LinkBroken({ how: "deadline", detail: "deadline" })
  if (words === "(stream finished)") return "finish"
  switch (kind) {
    case "Open":
      return {
        ...{ _tag: "Open", endpoint: first, wireVersion: 1, contract: 0n, codec: "", caller: "", host: "" },
        ...(rest[1] === "revision" ? { revision: Number(rest[2]) } : {})
      }
    case "Accepted":
      return Frame.accepted
    case "Data": {
      if (first === "(draining)") return Frame.draining
      const partial = words.endsWith("...")
      return { _tag: "Data", messages: rest.map((word) => text.encode(word.replace("...", ""))), partial }
    }
    case "End":
      return { _tag: "End", count: Number(first) }
    case "Rejected": {
      const reason = camel(first)
      if (isIn(rejectReasons, reason)) return Frame.rejected(reason, "")
      break
    }
    case "Fail": {
      const reason = camel(first)
      const rest = text.encode(words.slice(kind.length + first.length + 2))
      const error = reason === "Domain" ? Result.getOrThrow(contract.error.encode(new Refused())) : rest
      if (isIn(failReasons, reason)) return Frame.fail(reason, "", error)
      break
    }
  }
  throw new Error(`no such frame: ${words}`)
}

interface Drawn {
  /** What each side writes. */
  readonly caller: ReadonlyArray<Step>
  readonly host: ReadonlyArray<Step>
  /** What the program on each side gets. */
  readonly gets: ReadonlyMap<string, string>
}

const parse = (drawing: string): Drawn => {
  const caller: Array<Step> = []
  const host: Array<Step> = []
  const gets = new Map<string, string>()
  for (const line of drawing.split("\n")) {
    const outcome = /^(caller|endpoint) gets (.+)$/.exec(line)
    if (line.startsWith("-> ")) caller.push(stepOf(line.slice(3)))
    else if (line.startsWith("<- ")) host.push(stepOf(line.slice(3)))
    else if (outcome !== null) gets.set(outcome[1] ?? "", outcome[2] ?? "")
    else throw new Error(`neither a frame nor an outcome: ${line}`)
  }
  return { caller, host, gets }
}

const nameOf = (exit: Exit.Exit<unknown, unknown>): string => {
  if (Exit.isSuccess(exit)) return "the end"
  const error = Option.getOrUndefined(Cause.findErrorOption(exit.cause))
  if (error instanceof FlowError || error instanceof NetworkError) return error.reason._tag
  return error instanceof Refused ? error._tag : Cause.pretty(exit.cause)
}

const outcome = (heard: ReadonlyArray<string>, exit: Exit.Exit<unknown, unknown>): string =>
  `${heard.join(" ") || "nothing"}, then ${nameOf(exit)}`

const listen = <E>(flow: Pick<Flow<string, string, E>, "messages">, heard: Array<string>) =>
  Stream.runForEach(flow.messages, (message) => Effect.sync(() => heard.push(message)))

/** Waits until a program has all messages that it gets. */
const until = (heard: ReadonlyArray<string>, gets = "nothing") =>
  Effect.repeat(Effect.sleep("1 millis"), { until: () => (heard.join(" ") || "nothing") === gets.split(", then")[0] })

/** Writes what is drawn for one side, the last of it once `ready`, and reads whatever the other one says. */
const play = Effect.fnUntraced(function* (
  end: LocalLink.LinkEnd,
  steps: ReadonlyArray<Step>,
  ready: Effect.Effect<unknown>
) {
  const { finish, read, write } = pull(end)
  yield* Effect.forkScoped(Effect.ignore(Effect.forever(read)))
  for (const [index, step] of steps.entries()) {
    if (index > 0 && index === steps.length - 1) yield* ready
    if (step === "finish") yield* finish
    else if (step._tag === "LinkBroken") end.breakWith(step)
    else yield* Effect.ignore(write(step))
  }
  return finish
})

const callerGets = Effect.fnUntraced(function* (drawn: Drawn) {
  const [near, far] = LocalLink.make()
  const heard: Array<string> = []
  const isEnded = drawn.caller.some((step) => step !== "finish" && step._tag === "End")
  // The host keeps its side until its handler is done, which is not drawn.
  yield* Effect.forkScoped(Effect.flatten(play(far, drawn.host, until(heard, drawn.gets.get("caller")))))
  const options = { caller: "client", host, limits: config.limits }
  const opened = Opening.open(near, { ...contract, name: nameIn(drawn) }, options)
  const heardOut = Effect.flatMap(Effect.map(opened, started), (flow) =>
    Effect.andThen(isEnded ? flow.end : Effect.void, listen(flow, heard))
  )
  const exit = yield* Effect.exit(heardOut)
  return outcome(heard, exit)
})

const endpointGets = Effect.fnUntraced(function* (drawn: Drawn) {
  const [near, far] = LocalLink.make()
  const heard: Array<string> = []
  const done = yield* Deferred.make<string>()
  const exposed = Serving.expose(
    contract,
    (flow) => Effect.onExit(listen(flow, heard), (exit) => Deferred.succeed(done, outcome(heard, exit))),
    { context: Context.empty(), config }
  )
  const answered = Answering.answer(far, {
    self: "server",
    find: (name) => (name === contract.name ? exposed : undefined),
    opening: yield* Timeouts.make(config.openTimeout)
  })
  yield* Effect.forkScoped(Effect.ensuring(Effect.scoped(answered), Deferred.succeed(done, "nothing")))
  yield* Effect.forkScoped(play(near, drawn.caller, until(heard, drawn.gets.get("endpoint"))))
  return yield* Deferred.await(done)
})

const nameIn = ({ caller: [open] }: Drawn): string =>
  typeof open === "object" && open._tag === "Open" ? open.endpoint : ""

describe("the lives of a flow", () => {
  it("are drawn", () => assert.isAtLeast(flows.length, 6))

  for (const block of flows)
    it.live(`happen as drawn: ${where(block)}`, () =>
      Effect.gen(function* () {
        const drawn = parse(block.text)
        const { gets } = drawn
        assert.isAbove(gets.size, 0, "a drawing says what a program gets")
        if (gets.has("caller")) assert.strictEqual(yield* callerGets(drawn), gets.get("caller"))
        if (gets.has("endpoint")) assert.strictEqual(yield* endpointGets(drawn), gets.get("endpoint"))
      }).pipe(Effect.timeout("5 seconds"))
    )
})

describe("the tables", () => {
  const tables = readFileSync("docs/limits.md", "utf8").split("\n")
  const row = (cell: string): string => tables.find((line) => line.includes(`\`${cell}\` |`)) ?? ""
  const limits = { ...config.limits, ...TransportConnect.defaults, ...Serving.defaults }

  it.each(["messageBytesMax", "frameBytesMax", "frameMessagesMax", "bufferBytesMax", "inboxBytesMax"] as const)(
    "say the limit %s",
    (name) => assert.include(row(name), ` ${config.limits[name]}`)
  )

  it("say how many messages come in a frame", () => {
    assert.include(row("Limits.frameMessagesMax"), ` ${Limits.frameMessagesMax}, then`)
    assert.include(row("takenMax"), ` ${Inbox.takenMax}, the`)
    assert.include(content, `at most ${Limits.frameMessagesMax.toLocaleString("en")}: more are a violation`)
  })

  it("say what an error may be, and how much of it is in one frame", () => {
    assert.include(
      row("wholeErrorBytesMax"),
      `${config.limits.messageBytesMax} bytes, above ${Limits.wholeErrorBytesMax}`
    )
  })

  it.each(
    Object.entries({
      streamWindowBytes: Session.streamWindowBytes,
      sessionWindowBytes: Session.sessionWindowBytes,
      unreadBytesMax: Http2Room.unreadBytesMax,
      turnBytesMax: Http2Room.turnBytesMax
    })
  )("say what a session may hold: %s", (name, bytes) => assert.include(row(name), ` ${bytes} bytes`))

  it("say what the flows of one peer may have a host hold", () => {
    const { bytesMax, timeout } = TransportConnect.defaults.share
    const seconds = (wait: Duration.Input) => `${Duration.toSeconds(Duration.fromInputUnsafe(wait))} seconds`
    assert.include(row("share.bytesMax"), ` ${bytesMax} bytes; `)
    assert.include(row("share.bytesMax"), `after ${seconds(timeout)} `)
    assert.include(row("share.timeout"), ` ${seconds(timeout)} `)
    assert.include(row("waitTimeout"), ` ${Shares.waitingMax}, and ${seconds(Shares.waitTimeout)}, then`)
  })

  it.each(
    Object.entries({
      depthMax: JsonBounds.depthMax,
      containersMax: JsonBounds.containersMax,
      membersMax: JsonBounds.membersMax,
      commasMax: JsonBounds.commasMax,
      messagesMax: ProtobufBounds.messagesMax
    })
  )("say how many values a message may hold: %s", (name, count) => assert.include(row(name), ` ${count}, then`))

  it("say what the headers of a call may be, and what a port for health takes", () => {
    assert.include(row("headerPairsMax"), ` ${Session.headerPairsMax}, then`)
    assert.include(row("headerListBytesMax"), ` ${Session.headerListBytesMax}, then`)
    const { idleTimeout, sessionsMax, sessionsPerAddressMax, streamsMax } = Bounds.healthBounds
    assert.include(
      row("healthBounds"),
      ` ${sessionsMax}, ${sessionsPerAddressMax} and ${streamsMax}, and ${idleTimeout} |`
    )
  })

  it("say what a call that is no flow may take", () => {
    assert.include(row("requestTimeout"), ` ${Bounds.requestTimeout}, then`)
    const { check, reflection, watch } = Bounds
    for (const [name, { bodyBytesMax, messagesMax }] of Object.entries({ check, reflection })) {
      assert.include(row(`Bounds.${name}`), ` ${messagesMax === 1 ? "one message" : `${messagesMax} messages`}, then`)
      assert.include(row(`Bounds.${name}`), ` ${bodyBytesMax} bytes`)
    }
    assert.include(row("age"), ` ${check.age}, ${watch.age} and ${reflection.age}, then`)
    assert.include(row("messagesPerTurn"), ` ${EnvelopeGuard.messagesPerTurn} |`)
  })

  it("say what the fingerprint of plain bytes is", () => {
    const { fingerprint } = Contract.make("a", { input: Codec.bytes, output: Codec.bytes })
    assert.include(content, `\`${toHex(fingerprint)}\``)
  })

  it("say what a schema makes of what JSON does not have", () => {
    const forms = (of: Codec.PureSchema<unknown>, ...values: ReadonlyArray<unknown>) =>
      values.map((value) => new TextDecoder().decode(Result.getOrThrow(Codec.schema(of).encode(value))))
    const optional = Schema.Struct({ a: Schema.optional(Schema.String) })
    assert.deepStrictEqual(
      [...forms(Schema.Void, undefined), ...forms(Schema.Undefined, undefined), ...forms(optional, { a: undefined })],
      ["null", "null", `{"a":null}`]
    )
    const said = [
      ...forms(Schema.Date, new Date(0)),
      ...forms(Schema.BigInt, 12345678901234567890n),
      ...forms(Schema.Uint8Array, Uint8Array.of(1, 2, 255)),
      ...forms(Schema.Number, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY)
    ]
    for (const form of said) assert.include(content, `\`${form}\``)
  })

  it("say how long a peer may be silent", () => {
    const { interval, timeout } = TransportConnect.defaults.keepalive
    const seconds = (wait: Duration.Input) => Duration.toSeconds(Duration.fromInputUnsafe(wait))
    const text = tables.join(" ")
    assert.include(text, `nothing has come for ${seconds(interval)} second.`)
    assert.include(text, `for another ${seconds(timeout)} seconds`)
    assert.include(text, `silent for ${Liveness.doubtedMillis / 1000} seconds at any time`)
    assert.isAbove(seconds(timeout), Liveness.doubtedMillis / 1000)
  })

  it("say how long the second word of a caller may take", () =>
    assert.include(row("wordTimeout"), ` ${Duration.toSeconds(Core.wordTimeout)} seconds`))

  it("say how much the end of an answer may hold", () =>
    assert.include(row("endBytesMax"), ` ${Envelope.endBytesMax} bytes`))

  it.each([
    "frameWireBytesMax",
    "concurrency",
    "backlog",
    "streamsMax",
    "sessionsMax",
    "sessionsPerAddressMax"
  ] as const)("say the limit %s", (name) => assert.include(row(name), ` ${limits[name]}`))

  it("say how often a connection may send control frames, and reset streams", () => {
    const { controlBurst, controlPerSecond, resetsBurst, resetsPerSecond } = Conduct
    const said = (each: number, burst: number) =>
      ` ${each.toLocaleString("en")} a second and ${burst.toLocaleString("en")} at once`
    assert.include(row("controlBurst"), said(controlPerSecond, controlBurst))
    assert.include(row("resetsBurst"), said(resetsPerSecond, resetsBurst))
  })

  it.each([
    "firstStreamTimeout",
    "idleTimeout",
    "frameTimeout",
    "banDuration",
    "openTimeout",
    "drain",
    "handlerGrace",
    "drainTimeout"
  ] as const)("say the wait %s", (name) =>
    assert.include(row(name), `${Duration.toSeconds(Duration.fromInputUnsafe(limits[name]))} seconds`)
  )

  it.live.each(
    [...content.matchAll(/^\| `([A-Z_]+)` \| `(\w+)` \|$/gm)].map(([, wire = "", seen = ""]) => [wire, seen])
  )("say what becomes of %s", ([wire = "", seen]) =>
    Effect.gen(function* () {
      const isReject = isIn(rejectReasons, camel(wire)) && seen !== "FlowReset"
      const answer = isReject ? `<- Rejected ${wire}` : `<- Accepted\n<- Fail ${wire}`
      assert.strictEqual(yield* callerGets(parse(`-> Open echo\n${answer}`)), `nothing, then ${seen}`)
    })
  )

  it("say it of every reason", () => {
    const proto = readFileSync("proto/grinta/v1/flow.proto", "utf8")
    for (const [, reason = ""] of proto.matchAll(/(?:REJECT|FAIL)_REASON_(\w+) = [1-9]/g))
      assert.include(content, `| \`${reason}\` |`)
  })
})

describe("a client in another language", () => {
  const Echo = Endpoint.make("echo", { input: Schema.String, output: Schema.String })

  const host = Effect.gen(function* () {
    const serve = Echo.toLayer((flow) => Stream.runForEach(flow.messages, flow.send))
    const layer = Grinta.layer({ name: "server", listen: { gossipPort: 0, flowPort: 0 } })
    const { flowPort } = Context.get(yield* Layer.build(Layer.provideMerge(serve, layer)), Transport)
    return `127.0.0.1:${flowPort}`
  })

  const run = (command: string, args: ReadonlyArray<string>) =>
    Effect.callback<string>((resume) => {
      execFile(command, args, { timeout: 20_000 }, (_, printed, complaints) =>
        resume(Effect.succeed(printed + complaints))
      )
    })

  it.live.each(shells.flatMap(({ output, text }) => ["connect", "grpc", "grpcweb"].map((one) => [one, text, output])))(
    "opens a flow as shown, over %s",
    ([protocol = "", text = "", output]) =>
      Effect.gen(function* () {
        const command = text.replace(hostPort, yield* host).replace("curl", `curl --protocol ${protocol}`)
        const said = yield* run("sh", ["-c", command])
        assert.strictEqual(said.replaceAll(/\s+/g, "").replaceAll("}{", "}\n{"), output)
      })
  )

  it.live("of twenty lines does so too", () =>
    Effect.gen(function* () {
      const folder = yield* Effect.acquireRelease(
        Effect.sync(() => mkdtempSync("test/docs/.check-")),
        (made) => Effect.sync(() => rmSync(made, { recursive: true, force: true }))
      )
      const clients = programs.filter(({ isClient }) => isClient)
      assert.isNotEmpty(clients)
      for (const client of clients) {
        const path = join(folder, client.file)
        writeFileSync(path, sourceOf(client, folder).replaceAll(hostPort, yield* host))
        assert.strictEqual((yield* run(process.execPath, [path])).trimEnd(), client.output)
      }
    })
  )

  it("generates code from files that say where theirs goes", () => {
    for (const name of ["flow", "membership", "names"]) {
      const file = readFileSync(`proto/grinta/v1/${name}.proto`, "utf8")
      assert.match(file, /^option go_package = "[\w./]+;\w+";$/m, name)
    }
  })

  it("sees these bytes", () => {
    const rows = [...content.matchAll(/^\| (?:->|<-) \| `([0-9a-f ]+)` \|/gm)].map(([, hex = ""]) =>
      hex.replace(" ", "")
    )
    const [[, steps] = ["", []]] = lives
    assert.deepStrictEqual(rows, [...steps.map(([, , hex]) => envelope(hex)), goodEnd])
  })
})
