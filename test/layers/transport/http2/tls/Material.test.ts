/** What a host proves itself with is checked as a whole: at its start, when it is renewed, and as long as it is used. */
import { generateKeyPairSync } from "node:crypto"
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { inspect } from "node:util"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Logger, Queue, Redacted, Stream } from "effect"
import { TestClock } from "effect/testing"
import * as TlsContext from "../../../../../src/layers/transport/http2/tls/Context.ts"
import * as Files from "../../../../../src/layers/transport/http2/tls/Files.ts"
import * as Material from "../../../../../src/layers/transport/http2/tls/Material.ts"
import * as Tls from "../../../../../src/layers/transport/http2/tls/Tls.ts"
import * as TransportConnect from "../../../../../src/layers/transport/TransportConnect.ts"
import * as Caller from "../Caller.ts"
import * as Certificates from "./Certificates.ts"

const authority = Certificates.make("an authority")
const stranger = Certificates.make("another authority")
const between = Certificates.make("between", authority)
const dayMillis = 86_400_000

const owner = { fabric: "", host: "server" }
const good = authority.issue("server")

/** What the layer of a host with this says; "" when it could be built. */
const complaintOf = (tls: Partial<Tls.Config>) =>
  Layer.build(TransportConnect.layer({ port: 0, tls: { ...good, ...owner, ...tls } })).pipe(
    Effect.scoped,
    Effect.match({
      onFailure: (error) => {
        Caller.assertReason(error, "InvalidConfig")
        return error.message
      },
      onSuccess: () => ""
    })
  )

const cut = (text: string) => text.slice(0, text.length / 2)

const encrypted = generateKeyPairSync("ec", {
  namedCurve: "P-256",
  publicKeyEncoding: { type: "spki", format: "pem" },
  privateKeyEncoding: { type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: "word" }
}).privateKey

describe("what cannot work is found before anything is opened", () => {
  const [certificate, key, authorities] = [
    "the certificate (GRINTA_TLS_CERTIFICATE)",
    "the key (GRINTA_TLS_KEY)",
    "the authorities (GRINTA_TLS_AUTHORITIES)"
  ]
  const bad: ReadonlyArray<readonly [string, Partial<Tls.Config>, string]> = [
    ["text that is no certificate", { certificate: "nonsense" }, `${certificate} is no PEM`],
    ["a certificate that is empty", { certificate: "" }, `${certificate} is empty`],
    ["a certificate that is cut off", { certificate: cut(good.certificate) }, `${certificate} is cut off`],
    ["a key for a certificate", { certificate: good.key }, `${certificate} holds no certificate`],
    [
      "what only looks like a certificate",
      { certificate: good.certificate.replace(/\n[A-Za-z0-9+/]{10}/, "\nAAAAAAAAAA") },
      `${certificate} cannot be read: ERR_OSSL_`
    ],
    [
      "one bad certificate behind a good one",
      { certificate: `${good.certificate}\n${cut(between.certificate)}` },
      `${certificate} is cut off`
    ],
    ["text that is no key", { key: "nonsense" }, `${key} is no PEM`],
    ["a key that is empty", { key: "" }, `${key} is empty`],
    ["a key that is cut off", { key: cut(good.key) }, `${key} is cut off`],
    ["a certificate for a key", { key: good.certificate }, `${key} holds no private key`],
    ["a key with a password", { key: encrypted }, `${key} is encrypted`],
    ["the key of another certificate", { key: authority.issue("server").key }, `${key} is that of another certificate`],
    ["no authority", { authorities: "" }, `${authorities} is empty`],
    [
      "an authority that is cut off behind another",
      { authorities: `${good.authorities}\n${cut(stranger.certificate)}` },
      `${authorities} is cut off`
    ],
    ["the certificate of another host", { host: "b" }, "must name this host by URI:grinta:///b, and it names URI:"],
    ["the certificate of another fabric", { fabric: "prod" }, "must name this host by URI:grinta://prod/server"],
    ["a certificate that has expired", authority.issue("server", { until: -1 }), "has expired: it was valid until"],
    ["a certificate that is not valid yet", authority.issue("server", { from: 1 }), "is not valid before"],
    [
      "a certificate of an authority that is not believed",
      { ...stranger.issue("server"), authorities: authority.certificate },
      "is not believed by the authorities of this host (GRINTA_TLS_AUTHORITIES): UNABLE_TO_VERIFY_LEAF_SIGNATURE"
    ],
    [
      "a certificate without the one between it and its authority",
      { ...between.issue("server"), authorities: authority.certificate },
      "is not believed by the authorities of this host (GRINTA_TLS_AUTHORITIES): UNABLE_TO_VERIFY_LEAF_SIGNATURE"
    ],
    [
      "an authority that has expired",
      Certificates.make("an old authority", undefined, [-20, -1]).issue("server"),
      "a certificate that vouches for that of this host has expired"
    ],
    ["a certificate for callers only", authority.issue("server", { use: "clientAuth" }), "INVALID_PURPOSE"],
    ["a certificate for servers only", authority.issue("server", { use: "serverAuth" }), "INVALID_PURPOSE"]
  ]
  for (const [what, over, detail] of bad)
    it.live(what, () =>
      Effect.gen(function* () {
        const said = yield* complaintOf(over)
        assert.include(said, "listen: tls: ")
        assert.include(said, detail)
      })
    )

  it.live("and what can work does: also wrapped, with a chain, with text around it, between two authorities", () =>
    Effect.gen(function* () {
      const chained = between.issue("server")
      const can: ReadonlyArray<Partial<Tls.Config>> = [
        {},
        { key: Redacted.make(good.key) },
        {
          ...chained,
          certificate: `${chained.certificate}\n${between.certificate}`,
          authorities: authority.certificate
        },
        { authorities: `the first\n${stranger.certificate}\nthe second\n${authority.certificate}` }
      ]
      for (const tls of can) assert.strictEqual(yield* complaintOf(tls), "")
    })
  )
})

/** Waits in real time, since a handshake takes some, until something is so. */
const until = (isSo: () => boolean) =>
  Effect.promise(() => new Promise((resolve) => setTimeout(resolve, 10))).pipe(
    Effect.repeat({ times: 500, until: isSo }),
    Effect.andThen(Effect.sync(() => assert.isTrue(isSo())))
  )

const listening = () => {
  const lines: Array<string> = []
  return {
    lines,
    layer: Logger.layer([Logger.make(({ logLevel, message }) => lines.push(`${logLevel}: ${message}`))])
  }
}

/** A host in virtual time, which begins now, what it logs, and how often it took other credentials. */
const host = Effect.fnUntraced(function* (material: Tls.Material, boundNames = false) {
  yield* TestClock.setTime(Date.now())
  const heard = listening()
  const renewals = yield* Queue.unbounded<Tls.Material>()
  const made = yield* Effect.provide(
    Tls.make({ ...material, ...owner, boundNames, renewals: Stream.fromQueue(renewals) }),
    heard.layer
  )
  let supplied = 0
  made.supply({ setSecureContext: () => void supplied++ })
  const said = (text: string) => heard.lines.filter((line) => line.includes(text)).length
  return { ...heard, renewals, said, supplied: () => supplied - 1 }
})

describe("a renewal that grants less", () => {
  it.effect("is told, where names are bound", () =>
    Effect.gen(function* () {
      const granting = (...patterns: ReadonlyArray<string>) => {
        const uris = [
          `grinta://${owner.fabric}/server`,
          ...patterns.map((one) => `grinta-names://${owner.fabric}/${one}`)
        ]
        return authority.issue("server", { uris })
      }
      for (const isBound of [true, false]) {
        const { renewals, said } = yield* host(granting("orders", "stock.*"), isBound)
        yield* Queue.offer(renewals, granting("stock.*", "orders"))
        yield* until(() => said("is another one by now") === 1)
        yield* Queue.offer(renewals, granting("stock.*"))
        yield* until(() => said("is another one by now") === 2)
        assert.strictEqual(said('grants "orders" no more'), isBound ? 1 : 0)
        assert.strictEqual(said("no more"), isBound ? 1 : 0)
      }
    })
  )
})

describe("a renewal that cannot be used", () => {
  const bad: ReadonlyArray<readonly [string, Partial<Tls.Material>, string]> = [
    ["whose key is empty for a moment", { key: "" }, "the key (GRINTA_TLS_KEY) is empty"],
    ["whose key is not there yet", { key: authority.issue("server").key }, "is that of another certificate"],
    ["that has expired", authority.issue("server", { until: -1 }), "has expired"],
    ["of nobody that is believed", { ...stranger.issue("server"), authorities: good.authorities }, "UNABLE_TO_VERIFY"],
    ["whose authorities are cut off", { authorities: cut(good.authorities) }, "is cut off"]
  ]
  for (const [what, over, detail] of bad)
    it.effect(`${what} changes nothing, is told once in an hour, and the next good one is used`, () =>
      Effect.gen(function* () {
        const { lines, renewals, said, supplied } = yield* host(good)
        const refused = "Warn: a renewal is not used, and what there is stays: tls: "
        yield* Queue.offer(renewals, { ...good, ...over })
        yield* until(() => said(refused) === 1)
        assert.include(lines.join("\n"), detail)
        yield* TestClock.adjust("5 minutes")
        assert.deepStrictEqual([said(detail), supplied()], [1, 0])
        yield* Queue.offer(renewals, authority.issue("server"))
        yield* until(() => supplied() === 1)
        yield* until(() => said("Info: the certificate of this host is another one by now, valid until") === 1)
      })
    )

  it.effect("since its dates are early is used when its time has come", () =>
    Effect.gen(function* () {
      const { renewals, said, supplied } = yield* host(good)
      // OpenSSL has a clock of its own: the certificate is good by that, and early by the clock of the host.
      yield* TestClock.setTime(Date.now() - 6 * dayMillis)
      yield* Queue.offer(renewals, authority.issue("server"))
      yield* until(() => said("is not valid before") === 1)
      // The next look is a minute after the first one, and a handshake is given half a minute.
      yield* TestClock.setTime(Date.now() + 65_000)
      yield* until(() => supplied() === 1)
    })
  )
})

describe("a certificate that comes to its end while a host runs", () => {
  const lifeDays = 20
  const short = authority.issue("server", { from: -(lifeDays - 4), until: 4 })

  it.effect("is told of a tenth of its life before, each day, and as an error once it is over, every ten minutes", () =>
    Effect.gen(function* () {
      const { said } = yield* host(short)
      const ending = "Warn: the certificate of this host is valid until"
      const over = "Error: the certificate of this host has expired"
      yield* TestClock.adjust("47 hours")
      assert.deepStrictEqual([said(ending), said(over)], [0, 0])
      yield* TestClock.adjust("2 hours")
      assert.deepStrictEqual([said(ending), said(over)], [1, 0])
      yield* TestClock.adjust("24 hours")
      assert.deepStrictEqual([said(ending), said(over)], [2, 0])
      yield* TestClock.adjust("24 hours")
      assert.isAtLeast(said(over), 1)
      const before = said(over)
      yield* TestClock.adjust("1 hour")
      assert.strictEqual(said(over) - before, 6)
    })
  )

  it.effect("is told of no more once it was renewed", () =>
    Effect.gen(function* () {
      const { renewals, said, supplied } = yield* host(short)
      yield* TestClock.adjust("50 hours")
      assert.strictEqual(said("Warn: "), 1)
      yield* Queue.offer(renewals, authority.issue("server", { until: 9 }))
      yield* until(() => supplied() === 1)
      yield* TestClock.adjust("72 hours")
      assert.deepStrictEqual([said("Warn: "), said("Error: ")], [1, 0])
    })
  )

  it.effect("may be that of its authority", () =>
    Effect.gen(function* () {
      const { said } = yield* host(authority.issue("server", { until: 300 }))
      yield* TestClock.adjust("9 days")
      assert.isAtLeast(said("Warn: a certificate that vouches for that of this host is valid until"), 1)
      yield* TestClock.adjust("2 days")
      assert.isAtLeast(said("Error: a certificate that vouches for that of this host has expired"), 1)
    })
  )
})

describe("certificates in files", () => {
  const folderOf = Effect.acquireRelease(
    Effect.promise(() => mkdtemp(join(tmpdir(), "grinta-"))),
    (made) => Effect.promise(() => rm(made, { recursive: true }))
  )
  const inFiles = Effect.fnUntraced(function* (first: Certificates.Issued) {
    const folder = yield* folderOf
    const paths = {
      certificate: join(folder, "a.pem"),
      key: join(folder, "a.key"),
      authorities: join(folder, "authority.pem")
    }
    const write = (over: Partial<Certificates.Issued>) =>
      Effect.promise(async () => {
        for (const part of ["certificate", "key", "authorities"] as const)
          if (over[part] !== undefined) await writeFile(paths[part], over[part])
      })
    yield* write(first)
    return { paths, write }
  })

  it.live("are read, and again: one that is empty or gone for a moment is told, and the last good one holds", () =>
    Effect.gen(function* () {
      const heard = listening()
      const said = (text: string) => heard.lines.filter((line) => line.includes(text)).length
      const { paths, write } = yield* inFiles(good)
      yield* Effect.gen(function* () {
        const { renewals = Stream.empty, ...loaded } = yield* Files.load(paths, "10 millis")
        assert.deepStrictEqual({ ...loaded, key: Redacted.value(Redacted.make(good.key)) }, good)
        assert.notInclude(inspect(loaded, { depth: null }), good.key.slice(30, 80))
        let supplied = 0
        const made = yield* Tls.make({ ...loaded, ...owner, renewals })
        made.supply({ setSecureContext: () => void supplied++ })
        yield* write({ key: "" })
        yield* until(() => said("the key (GRINTA_TLS_KEY) is empty") === 1)
        yield* Effect.promise(() => rm(paths.key))
        yield* until(() => said("GRINTA_TLS_KEY: the file cannot be read: ENOENT") === 1)
        yield* Effect.sleep("50 millis")
        assert.strictEqual(said("GRINTA_TLS_KEY: the file cannot be read: ENOENT"), 1)
        assert.strictEqual(supplied, 1)
        yield* write(authority.issue("server"))
        yield* until(() => supplied === 2)
      }).pipe(Effect.provide(heard.layer))
    })
  )

  it.live("may be PEM themselves, also with their ends of lines spelt out", () =>
    Effect.gen(function* () {
      for (const spell of [(text: string) => text, (text: string) => text.replaceAll("\n", "\\n")]) {
        const loaded = yield* Files.load({
          certificate: Redacted.make(spell(good.certificate)),
          key: Redacted.make(spell(good.key)),
          authorities: Redacted.make(spell(good.authorities))
        })
        assert.strictEqual(Redacted.value(Redacted.isRedacted(loaded.key) ? loaded.key : Redacted.make("")), good.key)
        yield* Material.check(loaded, owner)
      }
    })
  )

  it.live("that cannot be read are told by variable and code alone", () =>
    Effect.gen(function* () {
      const { paths } = yield* inFiles(good)
      for (const [path, code] of [
        ["c2VjcmV0", "ENOENT"],
        ["x".repeat(5000), "ENAMETOOLONG"],
        ["a\0b", "ERR_INVALID_ARG_VALUE"],
        [tmpdir(), "EISDIR"]
      ] as const) {
        const { message } = yield* Effect.flip(Files.load({ ...paths, key: path }))
        assert.strictEqual(message, `listen: GRINTA_TLS_KEY: the file cannot be read: ${code}`)
      }
    })
  )
})

it("a server that was supplied with a key does not show it", () => {
  const server: { key?: unknown; setSecureContext: (options: object) => void } = {
    setSecureContext: (options) => Object.assign(server, options)
  }
  TlsContext.make(good).supply(server)
  assert.notInclude(inspect(server), good.key.slice(30, 80))
})
