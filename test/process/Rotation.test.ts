/**
 * Five hosts in processes of their own, which call each other all the time, while everything that protects them changes: a
 * fabric in plaintext gets keys and TLS, other keys and another authority, and goes back. One of them is down meanwhile.
 */
import { type ChildProcess, spawn } from "node:child_process"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { stripVTControlCharacters } from "node:util"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Random, Schedule, Schema, type Scope } from "effect"
import * as Certificates from "../layers/transport/http2/tls/Certificates.ts"
import { Report, type Setup } from "./rotated.ts"

const program = new URL("./rotated.ts", import.meta.url).pathname

const Where = Schema.fromJsonString(Schema.Struct({ gossip: Schema.String }))
const Done = Schema.fromJsonString(Schema.Struct({ done: Schema.String, failed: Schema.optional(Schema.String) }))
const Reported = Schema.fromJsonString(Report)

interface Host {
  readonly name: string
  readonly process: ChildProcess
  readonly lines: Array<string>
  readonly log: () => string
}

const until = <A, E>(
  what: string,
  found: Effect.Effect<A | undefined, E>,
  most: "20 seconds" | "40 seconds" = "20 seconds"
) =>
  Effect.repeat(found, { schedule: Schedule.spaced("20 millis"), until: (one) => one !== undefined }).pipe(
    Effect.timeoutOrElse({ duration: most, orElse: () => Effect.die(new Error(`in vain: ${what}`)) })
  )

const start = (setup: typeof Setup.Type): Effect.Effect<Host, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const running = spawn(process.execPath, [program, JSON.stringify(setup)], {
        env: { ...process.env, GRINTA_PROFILE: "lan" },
        stdio: ["pipe", "pipe", "pipe"]
      })
      const lines: Array<string> = []
      let log = ""
      createInterface({ input: running.stdout }).on("line", (line) => lines.push(line))
      running.stderr.on("data", (chunk: Buffer) => {
        log += stripVTControlCharacters(chunk.toString())
      })
      running.stdin.on("error", () => undefined)
      return { name: setup.name, process: running, lines, log: () => log }
    }),
    ({ process }) =>
      Effect.sync(() => {
        process.kill("SIGKILL")
      })
  )

/** The first line that is one of these, taken out. */
const take = <A>({ lines }: Host, schema: Schema.Codec<A, string>) =>
  Effect.sync(() => {
    for (const [i, line] of lines.entries()) {
      const decoded = Schema.decodeUnknownOption(schema)(line)
      if (decoded._tag === "None") continue
      lines.splice(i, 1)
      return decoded.value
    }
    return undefined
  })

const said = <A>(host: Host, what: string, schema: Schema.Codec<A, string>) =>
  Effect.flatMap(
    until(`${what} of ${host.name}: ${host.lines.join(" ")} ${host.log().slice(-2000)}`, take(host, schema)),
    (found) => Effect.fromNullishOr(found)
  ).pipe(Effect.orDie)

const order = Effect.fnUntraced(function* (host: Host, text: string) {
  host.process.stdin?.write(`${text}\n`)
  return yield* said(host, text, Done)
})

const reportOf = (host: Host) =>
  Effect.suspend(() => {
    host.process.stdin?.write("report\n")
    return said(host, "report", Reported)
  })

const names = ["a", "b", "c", "d", "e"]
const key = (fill: number) => Buffer.alloc(32, fill).toString("base64")
const [first, second] = [key(1), key(2)]
const both = { verifyIncoming: false, verifyOutgoing: false }

describe("five hosts that call each other all the time", () => {
  it.live(
    "get keys, TLS, other keys and another authority, and go back, and lose nothing; the one that was down is named, and joins",
    () =>
      Effect.gen(function* () {
        const folder = yield* Effect.acquireRelease(
          Effect.sync(() => mkdtempSync(join(tmpdir(), "grinta-rotation-"))),
          (made) => Effect.sync(() => rmSync(made, { recursive: true, force: true }))
        )
        const [former, next] = [Certificates.make("the former"), Certificates.make("the next")]
        const path = (name: string, file: string) => join(folder, `${name}.${file}`)
        const put = (name: string, file: string, content: string) => writeFileSync(path(name, file), content)
        const certify = (name: string, by: Certificates.Authority, authorities: string) => {
          const { certificate, key } = by.issue(name)
          put(name, "key", key)
          put(name, "certificate", certificate)
          put(name, "authorities", authorities)
        }
        const setup = (name: string, seeds: ReadonlyArray<string>): typeof Setup.Type => ({
          ...{ name, seeds, gossipPort: 0, ...both },
          ...{ certificate: path(name, "certificate"), key: path(name, "key"), authorities: path(name, "authorities") }
        })

        // A fabric in plaintext, whose flow ports take both already.
        for (const name of names) certify(name, former, former.certificate)
        const a = yield* start(setup("a", []))
        const { gossip: seed } = yield* said(a, "where", Where)
        const others = yield* Effect.forEach(["b", "c", "d"], (name) => start(setup(name, [seed])))
        const down = yield* start(setup("e", [seed]))
        const { gossip: placeOfE } = yield* said(down, "where", Where)
        const hosts = [a, ...others] as const
        const sees = (host: Host, alive: ReadonlyArray<string>) =>
          until(
            `${host.name} sees ${alive}`,
            Effect.map(reportOf(host), (report) => (report.alive.join() === alive.join() ? report : undefined)),
            "40 seconds"
          )
        for (const host of [...hosts, down]) yield* sees(host, names)
        for (const host of hosts) for (const to of hosts) if (to !== host) yield* order(host, `call ${to.name}`)

        /** Waits until each host was answered by each other one, some times since it was last asked. */
        const before = new Map<string, number>()
        const flowing = Effect.fnUntraced(function* (all: ReadonlyArray<Host>) {
          for (const host of all)
            yield* until(
              `answers to ${host.name}`,
              Effect.map(reportOf(host), ({ answers, wrong }) => {
                assert.deepStrictEqual(wrong, [])
                const enough = all.every(
                  ({ name }) =>
                    name === host.name || (answers[name] ?? 0) >= (before.get(`${host.name} ${name}`) ?? 0) + 5
                )
                if (enough) for (const { name } of all) before.set(`${host.name} ${name}`, answers[name] ?? 0)
                return enough || undefined
              })
            )
        })
        yield* flowing(hosts)

        // One is down from here on.
        down.process.kill("SIGKILL")
        for (const host of hosts) yield* sees(host, ["a", "b", "c", "d"])

        /** Every host does a step, in an order by chance, and all of them go on calling each other. */
        const everywhere = Effect.fnUntraced(function* (all: ReadonlyArray<Host>, text: string) {
          for (const host of yield* Random.shuffle(all)) {
            const { failed } = yield* order(host, text)
            assert.isUndefined(failed, `${text} at ${host.name}`)
          }
          yield* flowing(all)
        })
        const files = Effect.fnUntraced(function* (all: ReadonlyArray<Host>, change: (name: string) => void) {
          for (const { name } of yield* Random.shuffle(all)) {
            change(name)
            yield* Effect.sleep("100 millis")
          }
          // Each host has looked at its files by then.
          yield* Effect.sleep("500 millis")
          yield* flowing(all)
        })

        // Of two steps the first hosts are some way ahead of the others.
        const [ahead, ...behind] = hosts
        for (const step of [`install ${first}`, `verify {"outgoing":true}`]) {
          yield* everywhere([ahead], step)
          yield* Effect.sleep("3 seconds")
          yield* everywhere(behind, step)
        }
        yield* everywhere(hosts, `verify {"incoming":true}`)
        yield* everywhere(hosts, `stage {"verifyIncoming":false}`)
        yield* everywhere(hosts, "stage {}")

        yield* everywhere(hosts, `install ${second}`)
        yield* everywhere(hosts, `use ${second}`)
        yield* everywhere(hosts, `remove ${first}`)
        const chain = former.certificate + next.certificate
        yield* files(hosts, (name) => put(name, "authorities", chain))
        yield* files(hosts, (name) => certify(name, next, chain))
        yield* files(hosts, (name) => put(name, "authorities", next.certificate))

        // Until here nobody has had anything of another one that it could not read.
        for (const host of hosts) assert.deepStrictEqual((yield* reportOf(host)).unread, {}, host.name)

        // Who was down comes back as it was, and is named, on both sides.
        const gossipPort = Number(placeOfE.split(":").at(-1))
        const stale = yield* start({ ...setup("e", [seed]), gossipPort })
        const logged = (host: Host, text: string) =>
          until(
            `"${text}" in the log of ${host.name}`,
            Effect.sync(() => host.log().includes(text) || undefined),
            "40 seconds"
          )
        yield* logged(stale, "(it closed without a word, as a host of another fabric or with other keys does")
        const namedBy = (text: string) =>
          until(
            "the name of the host",
            Effect.sync(() => hosts.some(({ log }) => log().includes(text)) || undefined),
            "40 seconds"
          )
        yield* namedBy(
          `nothing came of gossip with host "e" at ${placeOfE}: it does not encrypt gossip, and this host has keys`
        )
        stale.process.kill("SIGKILL")

        // With the keys, and a certificate that counts no more: it is seen, gets no flow, and the error names it.
        put("e", "keys", `${second}\n`)
        const keyed = {
          ...setup("e", [seed]),
          gossipPort,
          keysFile: path("e", "keys"),
          verifyIncoming: true,
          verifyOutgoing: true
        }
        const old = yield* start(keyed)
        yield* sees(a, names)
        const unbelieved = /^connect: host "e" at \S+ cannot be reached: Error: .*(self-signed|unable to)/
        yield* until(
          "an error that names e",
          Effect.map(order(a, "knock e"), ({ failed = "" }) => (unbelieved.test(failed) ? failed : undefined))
        )
        // The documented step, while it runs: its files.
        certify("e", next, next.certificate)
        yield* until(
          "a flow to e",
          Effect.map(order(a, "knock e"), ({ failed }) => (failed === undefined ? true : undefined))
        )
        const all = [...hosts, old]
        for (const host of all) yield* sees(host, names)
        for (const host of hosts) {
          yield* order(host, "call e")
          yield* order(old, `call ${host.name}`)
        }
        yield* flowing(all)

        // And back.
        yield* everywhere(all, `stage {"verifyIncoming":false}`)
        yield* everywhere(all, `stage ${JSON.stringify(both)}`)
        yield* everywhere(all, `verify {"incoming":false}`)
        yield* everywhere(all, `verify {"outgoing":false}`)
        yield* everywhere(all, `remove ${second}`)

        for (const host of all) {
          const { gone, redials, wrong } = yield* reportOf(host)
          assert.deepStrictEqual([wrong, gone.filter((name) => name !== "e")], [[], []], host.name)
          console.log(`${host.name}: flows opened anew: ${JSON.stringify(redials)}`)
        }
      }),
    120_000
  )
})
