/**
 * The other processes: starting them, and knowing when they have been found.
 */
import { fileURLToPath } from "node:url"
import { Effect, Schema, Stream } from "effect"
import { ChildProcess } from "effect/process"
// A program outside this repository imports from "grinta".
import { Gossip, Registry } from "../../src/index.ts"
import * as Report from "./report.ts"
import { WordCount } from "./wordcount.ts"

/** The demo did not go as it should. */
export class DemoError extends Schema.TaggedError<DemoError>()("DemoError", { detail: Schema.String }) {
  override get message() {
    return this.detail
  }
}

/** The live hosts, as this one knows them. */
export type Hosts = ReadonlyArray<{
  readonly id: string
  readonly pid: number
  readonly gossipPort: number
  readonly flowPort: number
}>

const names = ["owner-1", "owner-2"]

const program = fileURLToPath(new URL("host.ts", import.meta.url))

/** Starts a process that ends with the scope, and also when this process ends in any other way: see `host.ts`. */
const start = (name: string, fabric: string, seed: string) =>
  ChildProcess.make(process.execPath, [program], {
    env: {
      GRINTA_NAME: name,
      GRINTA_FABRIC: fabric,
      GRINTA_SEEDS: seed,
      GRINTA_HOST: "127.0.0.1",
      GRINTA_GOSSIP_PORT: "0",
      GRINTA_FLOW_PORT: "0",
      GRINTA_PROFILE: "local"
    },
    extendEnv: true,
    stdin: "pipe",
    stdout: "ignore",
    stderr: "inherit",
    forceKillAfter: "2 seconds"
  })

/** Starts the owners with this host as their seed, and waits until it knows that both expose the endpoint. */
export const startAll = Effect.fnUntraced(function* (fabric: string) {
  const gossip = yield* Gossip
  const registry = yield* Registry
  const { address, port } = yield* gossip.self
  const startedAt = yield* Report.nowMillis
  const owners = yield* Effect.forEach(names, (name) =>
    Effect.map(start(name, fabric, `${address}:${port}`), ({ exitCode, pid }) => ({ name, exitCode, pid: Number(pid) }))
  )
  const found = Stream.mapEffect(registry.watch(WordCount.name), () => registry.resolve(WordCount.name))
  const allFound = Stream.runDrain(Stream.takeUntil(found, (entries) => entries.length === owners.length))
  const anyGone = Effect.raceAllFirst(owners.map(({ exitCode }) => exitCode)).pipe(
    Effect.flatMap((code) => new DemoError({ detail: `a host ended at once, with exit code ${code}` }))
  )
  yield* Effect.raceFirst(allFound, anyGone).pipe(
    Effect.timeoutOrElse({
      duration: "30 seconds",
      orElse: () => new DemoError({ detail: "the hosts have not found each other within 30 seconds" })
    })
  )
  const convergedMs = (yield* Report.nowMillis) - startedAt

  const members = yield* gossip.members
  const hosts: Hosts = (yield* registry.hosts).map(({ flowPort, id }) => ({
    id,
    pid: owners.find(({ name }) => name === id)?.pid ?? process.pid,
    gossipPort: members.find((member) => member.id === id)?.port ?? 0,
    flowPort
  }))
  return { convergedMs, hosts }
})
