/** Serf agents, and the messages that Serf puts on top of memberlist. */
import { assert } from "@effect/vitest"
import { Effect, Schedule, Schema } from "effect"
import type { Ours } from "./Ours.ts"
import * as Processes from "./Processes.ts"

const Members = Schema.fromJsonString(
  Schema.Struct({
    members: Schema.Array(
      Schema.Struct({
        name: Schema.String,
        addr: Schema.String,
        status: Schema.String,
        tags: Schema.Record(Schema.String, Schema.String)
      })
    )
  })
)

export type SerfMember = (typeof Members.Type)["members"][number]

export interface Options {
  readonly name: string
  readonly profile?: "lan" | "local"
  readonly tags?: ReadonlyArray<string>
  /** Further flags of the agent. */
  readonly flags?: ReadonlyArray<string>
}

export interface SerfPeer extends Processes.Running {
  readonly name: string
  readonly address: string
  readonly port: number
  readonly members: Effect.Effect<ReadonlyArray<SerfMember>, unknown>
  /** Runs a command of Serf against this agent. */
  readonly ask: (command: string, ...args: ReadonlyArray<string>) => Effect.Effect<string, string>
}

export const start = Effect.fnUntraced(function* ({ flags = [], name, profile = "local", tags = [] }: Options) {
  const port = yield* Processes.freePort
  const rpc = `${Processes.loopback}:${yield* Processes.freePort}`
  const address = `${Processes.loopback}:${port}`
  const args = [
    "agent",
    `-node=${name}`,
    `-bind=${address}`,
    `-rpc-addr=${rpc}`,
    `-profile=${profile}`,
    "-log-level=trace",
    ...tags.map((tag) => `-tag=${tag}`),
    ...flags
  ]
  const running = yield* Processes.start({ command: "serf", args })
  const ask = (command: string, ...rest: ReadonlyArray<string>): Effect.Effect<string, string> =>
    Processes.run("serf", [command, `-rpc-addr=${rpc}`, ...rest])
  const members = Effect.map(
    Effect.flatMap(ask("members", "-format=json"), Schema.decodeEffect(Members)),
    (listed) => listed.members
  )
  yield* members.pipe(
    Effect.retry(Schedule.spaced("100 millis")),
    Effect.timeoutOrElse({
      duration: "20 seconds",
      orElse: () => Effect.die(new Error(`Serf did not come up:\n${running.log.join("\n")}`))
    })
  )
  const peer: SerfPeer = { ...running, name, address, port, members, ask }
  return peer
})

export const memberOf = (peer: SerfPeer, name: string) =>
  Effect.map(peer.members, (members) => members.find((member) => member.name === name))

export const statusOf = (peer: SerfPeer, name: string) => Effect.map(memberOf(peer, name), (member) => member?.status)

/** Nothing in its log complains of anything. Each line that may be there is named. */
export const assertQuiet = (peer: SerfPeer, ...allowed: ReadonlyArray<RegExp>): void => {
  const isAllowed = (line: string): boolean => allowed.some((one) => one.test(line))
  assert.deepStrictEqual(
    peer.log.filter((line) => /\[(ERR|WARN)\]/.test(line) && !isAllowed(line)),
    []
  )
}

type Packable = string | number | boolean | Uint8Array

const pack = (value: Packable): Uint8Array => {
  if (typeof value === "boolean") return Uint8Array.of(value ? 0xc3 : 0xc2)
  if (typeof value === "number") {
    assert.isBelow(value, 128, "only small numbers are written here")
    return Uint8Array.of(value)
  }
  const bytes = typeof value === "string" ? new TextEncoder().encode(value) : value
  assert.isBelow(bytes.length, 32, "only short strings are written here")
  return Uint8Array.of(0xa0 | bytes.length, ...bytes)
}

const message = (type: number, fields: Readonly<Record<string, Packable>>): Uint8Array => {
  const entries = Object.entries(fields)
  return Uint8Array.of(
    type,
    0x80 | entries.length,
    ...entries.flatMap(([key, value]) => [...pack(key), ...pack(value)])
  )
}

export const userEvent = (name: string, payload: string, time: number): Uint8Array =>
  message(3, { CC: false, LTime: time, Name: name, Payload: new TextEncoder().encode(payload) })

/** The messages of one Serf type that a host of ours was given. */
export const heard = ({ messages }: Ours, type: number): ReadonlyArray<string> =>
  messages.filter(([first]) => first === type).map((bytes) => new TextDecoder("latin1").decode(bytes))
