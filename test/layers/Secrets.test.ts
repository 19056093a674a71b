/**
 * Secrets that are known are nowhere: whatever a host logs, fails with, measures, traces or shows of itself is searched for
 * them, in the clear, in base64 and in hex, while things go well and while they go wrong.
 */
import { generateKeyPairSync } from "node:crypto"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as nodeTls from "node:tls"
import { inspect } from "node:util"
import { afterAll, assert, describe, it } from "@effect/vitest"
import {
  Cause,
  ConfigProvider,
  Context,
  Effect,
  Exit,
  Layer,
  Logger,
  Metric,
  Option,
  Queue,
  Redacted,
  References,
  Schedule,
  Stream,
  Tracer
} from "effect"
import * as TlsConfig from "../../src/layers/config/Certificates.ts"
import * as KeysConfig from "../../src/layers/config/Keys.ts"
import * as Variables from "../../src/layers/config/Variables.ts"
import * as Grinta from "../../src/layers/Grinta.ts"
import * as Keys from "../../src/layers/gossip/Keys.ts"
import * as GossipSocketNode from "../../src/layers/gossip/socket/GossipSocketNode.ts"
import * as TlsContext from "../../src/layers/transport/http2/tls/Context.ts"
import * as Material from "../../src/layers/transport/http2/tls/Material.ts"
import * as Tls from "../../src/layers/transport/http2/tls/Tls.ts"
import * as Codec from "../../src/services/Codec.ts"
import * as Endpoint from "../../src/services/Endpoint.ts"
import { Fabric } from "../../src/services/Fabric.ts"
import { Gossip } from "../../src/services/Gossip.ts"
import { GossipSocket } from "../../src/services/GossipSocket.ts"
import * as Certificates from "./transport/http2/tls/Certificates.ts"

/** Forms in which a text may be found inside another: itself, and in base64 and hex, wherever its bytes begin in them. */
const formsOf = (secret: Buffer): ReadonlyArray<string> => [
  ...[0, 1, 2].map((at) =>
    Buffer.concat([Buffer.alloc(at), secret])
      .toString("base64")
      .slice(at === 0 ? 0 : 4, -4)
  ),
  secret.toString("hex"),
  secret.toString("hex").toUpperCase(),
  secret.toString("latin1"),
  [...secret].join(","),
  JSON.stringify({ ...secret }).slice(1, -1),
  inspect(secret).slice(8, -1)
]

/** A key of gossip: its bytes, and the base64 in which it is given. */
const ofKey = (key: string): ReadonlyArray<string> => [
  ...formsOf(Buffer.from(key, "base64")),
  ...formsOf(Buffer.from(key)),
  Buffer.from(key, "base64").toString("base64url")
]

/** The lines with which a key of RSA begins are in its certificate, too: its modulus. */
const publicLines = 7

/** A key in PEM: each of its lines, of which a part is enough. */
const ofPem = (pem: string): ReadonlyArray<string> =>
  pem
    .split("\n")
    .filter((line) => line.length > 40 && !line.startsWith("-----"))
    .filter((_, i, lines) => lines.length < publicLines * 2 || i >= publicLines)
    .flatMap((line) => [line.slice(2, 40), ...formsOf(Buffer.from(line)), ...formsOf(Buffer.from(line, "base64"))])
    .filter((form) => form.length > 20)

const key = (size: number, byte: number): string =>
  Buffer.from(Array.from({ length: size }, (_, i) => (byte + 37 * i) % 256)).toString("base64")

const gossipKeys = [key(16, 201), key(24, 11), key(32, 99)] as const
const otherKey = key(32, 5)
const authority = Certificates.make("an authority")
const own = authority.issue("a")
const peer = authority.issue("b")
const stranger = Certificates.make("another authority").issue("c")
const ecKey = generateKeyPairSync("ec", {
  namedCurve: "P-256",
  publicKeyEncoding: { type: "spki", format: "pem" },
  privateKeyEncoding: { type: "sec1", format: "pem" }
}).privateKey

const secrets: ReadonlyArray<readonly [string, ReadonlyArray<string>]> = [
  ...[...gossipKeys, otherKey].map((text, i) => [`key ${i}`, ofKey(text)] as const),
  ...[own.key, peer.key, stranger.key, ecKey].map((text, i) => [`private key ${i}`, ofPem(text)] as const)
]

/** All that was written down, and where it came from. */
const makeDump = () => {
  const entries: Array<readonly [from: string, text: string, packed: string]> = []
  const add = (from: string, ...texts: ReadonlyArray<string>): void => {
    for (const text of texts) entries.push([from, text, text.replaceAll(/\s+/g, "")])
  }
  /** Every way in which a program may look at a thing. */
  const look = (from: string, thing: unknown): void => {
    add(
      from,
      String(thing),
      inspect(thing, { depth: 12, showHidden: true, maxArrayLength: 1000, maxStringLength: null })
    )
    add(from, inspect(thing, { depth: 12, getters: true }))
    const json = Effect.runSyncExit(Effect.sync(() => JSON.stringify(thing)))
    if (Exit.isSuccess(json)) add(from, json.value ?? "")
    if (thing instanceof Error) {
      add(from, thing.message, thing.stack ?? "")
      if (thing.cause !== undefined) look(`${from}, cause`, thing.cause)
    }
    if (Cause.isCause(thing))
      add(from, Cause.pretty(thing), ...Cause.prettyErrors(thing).map((error) => error.stack ?? ""))
  }
  const logger = Logger.make((options) => {
    const { cause, fiber, message } = options
    add("log", Logger.formatJson.log(options), Logger.formatLogFmt.log(options), Logger.formatSimple.log(options))
    look("log, message", message)
    look("log, cause", cause)
    look("log, annotations", fiber.getRef(References.CurrentLogAnnotations))
  })
  const tracer = Tracer.make({
    span: (options) => {
      const span = new Tracer.NativeSpan(options)
      spans.push(span)
      return span
    }
  })
  const spans: Array<Tracer.NativeSpan> = []
  const layer = Layer.mergeAll(
    Logger.layer([logger]),
    Layer.succeed(References.MinimumLogLevel, "All"),
    Layer.succeed(Tracer.Tracer, tracer)
  )
  const finish = Effect.gen(function* () {
    for (const { name, annotations, attributes, events, links, status } of spans)
      look(`span ${name}`, { annotations, attributes: [...attributes], events, links, status })
    look("metrics", yield* Metric.snapshot)
    add("metrics", yield* Metric.dump)
  })
  return { add, entries, finish, layer, look, spans }
}

type Dump = ReturnType<typeof makeDump>

/** Where the secrets are found, however they are spaced. */
const leaks = ({ entries }: Dump): ReadonlyArray<string> => [
  ...new Set(
    secrets.flatMap(([what, forms]) =>
      entries
        .filter(([, text, packed]) => forms.some((form) => text.includes(form) || packed.includes(form)))
        .map(([from]) => `${what} in ${from}`)
    )
  )
]

const folder = mkdtempSync(join(tmpdir(), "grinta-secrets-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const fileOf = (name: string, text: string): string => {
  const path = join(folder, name)
  writeFileSync(path, text)
  return path
}

const listen = { gossipPort: 0, flowPort: 0 }

/** Starts a host, looks at it and at what it fails with, and gives it to `use`. */
const start = <A, E>(
  dump: Dump,
  env: Readonly<Record<string, string>>,
  options: Grinta.Options,
  use: (services: Context.Context<Grinta.Services>) => Effect.Effect<A, E> = () => Effect.sync(() => undefined as never)
) => {
  const layer = Grinta.layer({ listen, ...options })
  dump.look("a layer", layer)
  return Effect.gen(function* () {
    const services = yield* Layer.build(layer)
    dump.look("services", services)
    for (const service of services.mapUnsafe.values()) {
      dump.look("a service", service)
      if (typeof service === "object" && service !== null)
        for (const part of Object.values(service)) dump.look("a part of a service", part)
    }
    return yield* use(services)
  }).pipe(
    Effect.scoped,
    Effect.provide([dump.layer, ConfigProvider.layer(ConfigProvider.fromEnv({ env }))]),
    Effect.tapCause((cause) => Effect.sync(() => dump.look("a cause", cause))),
    Effect.tapError((error) => Effect.sync(() => dump.look("an error", error))),
    Effect.exit
  )
}

const Echo = Endpoint.make("echo", { input: Codec.bytes, output: Codec.bytes })

const places = Object.values({ a: "a", b: "b" })

describe("a run with known secrets", () => {
  it.live(
    "shows none of them, nor do failures: a wrong peer, a wrong key, a renewal that cannot be used",
    () =>
      Effect.gen(function* () {
        const dump = makeDump()
        const env = {
          GRINTA_KEYS: gossipKeys.join(","),
          GRINTA_TLS_CERTIFICATE: own.certificate,
          GRINTA_TLS_KEY: own.key.replaceAll("\n", "\\n"),
          GRINTA_TLS_AUTHORITIES: fileOf("authority.pem", own.authorities)
        }
        const renewals = yield* Queue.unbounded<Tls.Material>()
        const wrapped = { ...peer, key: Redacted.make(peer.key), renewals: Stream.fromQueue(renewals) }
        const options: Grinta.Options = {
          name: "b",
          keys: gossipKeys.map((text) => Redacted.make(text)),
          tls: wrapped,
          profile: "local"
        }
        dump.look("options", options)
        yield* start(dump, env, { name: "a", profile: "local" }, (a) =>
          Effect.gen(function* () {
            const gossip = Context.get(a, Gossip)
            const { address, port } = yield* gossip.self
            const seeds = [`${address}:${port}`]
            yield* Context.get(a, Fabric).expose(Echo, (flow) => Stream.runForEach(flow.batches, flow.sendAll))
            const good = yield* start(dump, {}, { ...options, seeds }, (b) =>
              Effect.gen(function* () {
                const flow = yield* Context.get(b, Fabric).connect(Echo, { wait: true, timeout: "20 seconds" })
                yield* flow.send(Uint8Array.of(7))
                assert.deepStrictEqual([...(yield* flow.receive)], [7])
                // Renewals that cannot be used, with secrets wherever they do not belong.
                for (const bad of [
                  { ...peer, key: "" },
                  { ...peer, key: own.key },
                  { ...peer, key: ecKey },
                  { ...peer, certificate: peer.key },
                  { ...peer, authorities: own.key },
                  { ...peer, key: peer.key.slice(0, 600) },
                  { ...stranger, authorities: peer.authorities }
                ])
                  yield* Queue.offer(renewals, bad)
                yield* Effect.repeat(Effect.sleep("20 millis"), {
                  times: 500,
                  until: () => Effect.runSync(Queue.size(renewals)) === 0
                })
                const ring = Context.get(b, Gossip).keyring
                for (const text of [otherKey, otherKey.slice(1), "AAAA", own.key, gossipKeys[0]])
                  for (const change of [ring.use, ring.remove, ring.install])
                    yield* Effect.catch(change(text), (error) => Effect.sync(() => dump.look("keyring", error)))
                const join = Context.get(b, Fabric).join([...seeds, otherKey])
                yield* Effect.catch(join, (error) => Effect.sync(() => dump.look("join", error)))
              }).pipe(Effect.scoped)
            )
            assert.isTrue(Exit.isSuccess(good), String(good))
            // A peer with another key, and one of another authority.
            yield* start(dump, {}, { name: "c", keys: [otherKey], seeds }, () => Effect.sleep("1 second"))
            const both = { ...stranger, authorities: `${stranger.authorities}${own.authorities}` }
            yield* start(dump, {}, { name: "c", keys: gossipKeys, seeds, tls: both }, (c) =>
              Effect.gen(function* () {
                const fabric = Context.get(c, Fabric)
                const connect = Effect.scoped(fabric.connect(Echo, { wait: true, timeout: "1 second" }))
                yield* Effect.catchCause(connect, (cause) => Effect.sync(() => dump.look("a wrong peer", cause)))
              })
            )
          }).pipe(Effect.scoped)
        )
        yield* Effect.provide(dump.finish, dump.layer)
        // What is searched is there: both hosts spoke, their spans were taken, and something failed.
        const all = dump.entries.map(([, text]) => text).join("\n")
        for (const host of places) assert.include(all, `host \\"${host}\\" of the fabric without a name is up`)
        assert.include(
          dump.spans.map(({ name }) => name),
          "Fabric.connect"
        )
        assert.include(all, "a renewal is not used, and what there is stays: tls: the key (GRINTA_TLS_KEY) is empty")
        assert.include(all, "was turned away")
        assert.deepStrictEqual(leaks(dump), [])
      }),
    60_000
  )

  const values = { key16: gossipKeys[0], key24: gossipKeys[1], key32: gossipKeys[2], PEM: own.key, "PEM of EC": ecKey }
  for (const variable of Variables.names)
    it.live.each(Object.entries(values))(`shows no %s that was given for ${variable}`, ([, secret]) =>
      Effect.gen(function* () {
        const dump = makeDump()
        // Whatever else a host needs in order to look at this variable.
        const tls = {
          GRINTA_TLS_CERTIFICATE: own.certificate,
          GRINTA_TLS_KEY: own.key,
          GRINTA_TLS_AUTHORITIES: own.authorities
        }
        const around = variable.startsWith("GRINTA_TLS") ? tls : {}
        const name = variable === "GRINTA_NAME" || variable === "GRINTA_STATE_FILE" ? {} : { name: "a" }
        const given = variable === "GRINTA_STATE_FILE" ? join(folder, "missing", secret) : secret
        const settings = { ...around, [variable]: given, [`${variable}S`]: secret }
        const options: Grinta.Options =
          variable === "GRINTA_GOSSIP_PORT" || variable === "GRINTA_FLOW_PORT" ? { listen: {} } : { listen }
        const profile = variable === "GRINTA_PROFILE" ? {} : { profile: "local" as const }
        const exit = yield* start(dump, settings, { ...name, ...options, ...profile })
        yield* Effect.provide(dump.finish, dump.layer)
        assert.deepStrictEqual(leaks(dump), [])
        // It is told of, unless it could be what it is given for, or nobody asks for it.
        const isFine =
          (variable === "GRINTA_KEYS" && !secret.startsWith("-----")) ||
          (variable === "GRINTA_TLS_KEY" && secret === own.key) ||
          variable === "GRINTA_ANY_RUNTIME"
        assert.strictEqual(Exit.isSuccess(exit), isFine, String(exit))
        if (!isFine) assert.match(String(exit), /Fail\(NetworkError: (listen|join): /)
      })
    )

  const asOptions: ReadonlyArray<readonly [string, (secret: string) => Grinta.Options]> = [
    ["name", (name) => ({ name })],
    ["fabric", (fabric) => ({ fabric })],
    ["locality", (locality) => ({ locality })],
    ["seeds", (secret) => ({ seeds: ["127.0.0.1:1", secret] })],
    ["listen.host", (host) => ({ listen: { ...listen, host } })],
    ["advertise", (advertise) => ({ advertise })],
    ["keys", (secret) => ({ keys: [`${secret}!`, secret] })],
    ["tls.certificate", (certificate) => ({ tls: { ...own, certificate } })],
    ["tls.key", (secret) => ({ tls: { ...own, key: secret.slice(0, -40) } })],
    ["tls.authorities", (authorities) => ({ tls: { ...own, authorities } })]
  ]
  for (const [option, optionsOf] of asOptions)
    it.live.each(Object.entries(values))(`shows no %s that was given as ${option}`, ([, secret]) =>
      Effect.gen(function* () {
        const dump = makeDump()
        const exit = yield* start(dump, {}, { name: "a", ...optionsOf(secret) })
        yield* Effect.provide(dump.finish, dump.layer)
        assert.deepStrictEqual(leaks(dump), [])
        assert.isTrue(Exit.isFailure(exit))
      })
    )

  it.live("shows none in what the layers keep and hand to each other", () =>
    Effect.gen(function* () {
      const dump = makeDump()
      const env = {
        GRINTA_KEYS: gossipKeys.join(","),
        GRINTA_TLS_CERTIFICATE: own.certificate,
        GRINTA_TLS_KEY: fileOf("own.key", own.key),
        GRINTA_TLS_AUTHORITIES: own.authorities
      }
      const provider = ConfigProvider.layer(ConfigProvider.fromEnv({ env }))
      const { keys } = yield* Effect.provide(KeysConfig.read({}, "1 minute"), provider)
      assert.strictEqual(keys.length, gossipKeys.length)
      dump.look("keys of the environment", keys)
      const tls = yield* Effect.provide(TlsConfig.read(undefined, "1 minute"), provider)
      assert.isDefined(tls)
      dump.look("TLS of the environment", tls)
      for (const given of [keys, gossipKeys]) {
        const made = yield* Keys.make({ keys: given })
        dump.look("a keyring", made)
        dump.look("a cipher", made.cipher())
        dump.look("the list of a keyring", yield* made.keyring.list)
      }
      for (const material of [tls ?? own, own]) {
        dump.look("credentials", yield* Material.check(material, { fabric: "", host: "a" }))
        dump.look("TLS", yield* Tls.make({ ...own, key: Redacted.make(own.key), fabric: "", host: "a" }))
        const server = nodeTls.createServer()
        TlsContext.make(material).supply(server)
        dump.look("a server", server)
      }
      const socket = Context.get(
        yield* Layer.build(GossipSocketNode.layer({ host: "127.0.0.1", port: 0, keys: gossipKeys })),
        GossipSocket
      )
      dump.look("a socket", socket)
      for (const host of gossipKeys)
        dump.look("a look-up", yield* Effect.flip(Effect.retry(socket.lookup(`${host}.invalid`), Schedule.recurs(0))))
      assert.deepStrictEqual(leaks(dump), [])
    })
  )

  it("would be found, in each of their forms", () => {
    for (const [what, forms] of secrets)
      for (const form of forms) {
        const dump = makeDump()
        dump.add("somewhere", `x${form}x`)
        assert.include(leaks(dump), `${what} in somewhere`, form)
      }
    const held = makeDump()
    held.look("an option", { at: Option.some(own.key), of: new Map([["key", { key: otherKey }]]) })
    assert.includeMembers([...leaks(held)], ["key 3 in an option", "private key 0 in an option"])
    const bytes = makeDump()
    bytes.look("bytes", Buffer.from(gossipKeys[0], "base64"))
    bytes.look("bytes", { key: new Uint8Array(Buffer.from(gossipKeys[1], "base64")) })
    bytes.add("JSON", JSON.stringify(new Uint8Array(Buffer.from(otherKey, "base64"))))
    assert.includeMembers([...leaks(bytes)], ["key 3 in JSON"])
    assert.includeMembers([...leaks(bytes)], ["key 0 in bytes", "key 1 in bytes"])
  })
})
