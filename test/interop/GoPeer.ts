/** The peer in `go/`: members of hashicorp/memberlist in a process of their own, driven by lines of JSON. */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, assert, beforeAll } from "@effect/vitest"
import { Deferred, Effect, Schema } from "effect"
import * as Processes from "./Processes.ts"

const source = new URL("./go", import.meta.url).pathname
let binary = ""

/** Builds the peer before the tests of a file. The first time it downloads what it is built from. */
export const build = (): void => {
  const directory = mkdtempSync(join(tmpdir(), "grinta-interop-"))
  binary = join(directory, "peer")
  const args = ["build", "-buildvcs=false", "-o", binary, "."]
  beforeAll(() => Effect.runPromise(Processes.run("go", args, source)), 180_000)
  afterAll(() => rmSync(directory, { recursive: true, force: true }))
}

const Reply = Schema.Struct({
  event: Schema.Literal("reply"),
  id: Schema.Number,
  error: Schema.String,
  joined: Schema.Number,
  health: Schema.Number,
  members: Schema.Array(Schema.Struct({ name: Schema.String, address: Schema.String, meta: Schema.String })),
  keys: Schema.Array(Schema.String)
})

const Event = Schema.Struct({
  event: Schema.Literals([
    "up",
    "join",
    "leave",
    "update",
    "message",
    "localState",
    "mergeState",
    "conflict",
    "joinFailed"
  ]),
  /** The member that tells. */
  node: Schema.String,
  /** The member that it is about. */
  name: Schema.String,
  address: Schema.String,
  other: Schema.String,
  hex: Schema.String,
  join: Schema.Boolean
})

const Line = Schema.fromJsonString(Schema.Union([Reply, Event]))

export type Reply = typeof Reply.Type
export type Event = typeof Event.Type

export interface Command {
  readonly cmd: string
  /** Which member of the process; the first unless said otherwise. */
  readonly node?: string
  readonly to?: string
  readonly hex?: string
  readonly seeds?: ReadonlyArray<string>
  readonly ports?: ReadonlyArray<number>
  readonly rate?: number
  readonly millis?: number
}

export interface Options {
  readonly name: string
  readonly host?: string
  readonly port?: number
  readonly label?: string
  /** In hex, the primary one first. */
  readonly keys?: ReadonlyArray<string>
  /** Further flags of the program. */
  readonly flags?: ReadonlyArray<string>
}

export interface GoPeer extends Processes.Running {
  readonly name: string
  /** Address and port of the first member. */
  readonly address: string
  readonly port: number
  readonly addresses: ReadonlyMap<string, string>
  readonly events: ReadonlyArray<Event>
  /** Errors: what the peer answered. */
  readonly ask: (command: Command) => Effect.Effect<Reply, string>
}

/** The timings of `Ours.fast`. */
export const fast: ReadonlyArray<string> = [
  "-profile=lan",
  "-probe-interval=250ms",
  "-probe-timeout=100ms",
  "-gossip-interval=50ms",
  "-push-pull-interval=1s"
]

export const start = Effect.fnUntraced(function* ({
  flags = [],
  host = Processes.loopback,
  keys = [],
  label = "",
  name,
  port = 0
}: Options) {
  const events: Array<Event> = []
  const addresses = new Map<string, string>()
  const waiting = new Map<number, Deferred.Deferred<Reply>>()
  const up = yield* Deferred.make<string>()
  let id = 0

  const onLine = (text: string): void => {
    const line = Schema.decodeSync(Line)(text)
    if (line.event === "reply") {
      const asked = waiting.get(line.id)
      waiting.delete(line.id)
      if (asked !== undefined) Deferred.doneUnsafe(asked, Effect.succeed(line))
      return
    }
    events.push(line)
    if (line.event !== "up") return
    addresses.set(line.node, line.address)
    Deferred.doneUnsafe(up, Effect.succeed(line.address))
  }

  const place = [`-name=${name}`, `-bind=${host}`, `-port=${port}`]
  const args = [...place, `-label=${label}`, `-keys=${keys.join(",")}`, ...fast, ...flags]
  const running = yield* Processes.start({ command: binary, args, onLine })
  const address = yield* Deferred.await(up).pipe(
    Effect.timeoutOrElse({
      duration: "20 seconds",
      orElse: () => Effect.die(new Error(`the Go peer did not come up:\n${running.log.join("\n")}`))
    })
  )

  const ask = Effect.fnUntraced(function* (command: Command) {
    const asked = yield* Deferred.make<Reply>()
    id += 1
    waiting.set(id, asked)
    running.process.stdin?.write(`${JSON.stringify({ ...command, id })}\n`)
    const reply = yield* Deferred.await(asked).pipe(
      Effect.timeoutOrElse({ duration: "20 seconds", orElse: () => Effect.fail(`no answer to ${command.cmd}`) })
    )
    return reply.error === "" ? reply : yield* Effect.fail(reply.error)
  })

  const peer: GoPeer = { ...running, name, address, port: Number(address.split(":")[1]), addresses, events, ask }
  return peer
})

/** The events of one kind, as the first member of the process tells them unless said otherwise. */
export const told = (peer: GoPeer, kind: Event["event"], node = peer.name): ReadonlyArray<Event> =>
  peer.events.filter((event) => event.event === kind && event.node === node)

/** Whom a member sees alive or suspect, by name. */
export const view = (peer: GoPeer, node = peer.name) =>
  Effect.map(peer.ask({ cmd: "members", node }), ({ members }) =>
    members
      .map(({ name }) => name)
      .sort()
      .join(" ")
  )

/** What a probe that came too late leaves in the log, as it may on a busy machine. */
const late = /Suspect|Refuting|Failed fallback TCP ping: timeout|over TCP but UDP probes failed/

/** Nothing in its log says that it could not make sense of something. Each line that may be there is named. */
export const assertQuiet = (peer: GoPeer, ...allowed: ReadonlyArray<RegExp>): void => {
  const isAllowed = (line: string): boolean => [late, ...allowed].some((one) => one.test(line))
  assert.deepStrictEqual(
    peer.log.filter((line) => /\[(ERR|WARN)\]/.test(line) && !isAllowed(line)),
    []
  )
}
