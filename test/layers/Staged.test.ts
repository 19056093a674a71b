/** Keys and TLS of a host that is on its way from plaintext, or back, as options and variables say so. */
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Context, Effect, Layer, Schedule } from "effect"
import { Gossip, Grinta } from "../../src/index.ts"
import * as Variables from "../../src/layers/config/Variables.ts"
import * as GossipKeys from "../../src/layers/gossip/Keys.ts"
import * as Files from "../../src/layers/transport/http2/tls/Files.ts"
import * as Certificates from "./transport/http2/tls/Certificates.ts"

describe("keys and TLS on their way", () => {
  const { authorities, certificate, key } = Certificates.make("an authority").issue("h")
  const secret = Buffer.alloc(32, 1).toString("base64")
  const tls = { authorities, certificate, key }

  const folder = Effect.acquireRelease(
    Effect.promise(() => mkdtemp(join(tmpdir(), "grinta-"))),
    (made) => Effect.promise(() => rm(made, { recursive: true }))
  )
  const built = (options: Grinta.Options, env: Record<string, string> = {}) => {
    const layer = Grinta.layer({ name: "h", ...options, listen: { gossipPort: 0, flowPort: 0, ...options.listen } })
    return Effect.map(
      Layer.build(Layer.provide(layer, ConfigProvider.layer(ConfigProvider.fromUnknown(env)))),
      Context.get(Gossip)
    )
  }
  const refusal = (options: Grinta.Options, env?: Record<string, string>) =>
    Effect.map(Effect.flip(Effect.scoped(built(options, env))), ({ message }) => message)

  it.live("take their keys from a file, which is looked at as often as is said", () =>
    Effect.gen(function* () {
      const keysFile = join(yield* folder, "keys")
      const put = (text: string) => Effect.promise(() => writeFile(keysFile, text))
      for (const [options, env] of [
        [{ keysFile, filesInterval: "20 millis" }, {}],
        [{}, { GRINTA_KEYS_FILE: keysFile, GRINTA_FILES_INTERVAL: "20 millis" }]
      ] as const) {
        yield* put(`${secret}\nverifyIncoming=false\n`)
        const { keyring } = yield* built(options, env)
        assert.deepStrictEqual(yield* keyring.verified, { incoming: false, outgoing: true })
        yield* put(`${secret}\n`)
        yield* Effect.map(keyring.verified, ({ incoming }) => incoming).pipe(
          Effect.repeat({ schedule: Schedule.spaced("10 millis"), until: (is) => is }),
          Effect.timeout("10 seconds")
        )
      }
      assert.include(yield* refusal({ keysFile, keys: [secret] }), "keysFile: there are keys, and a file of keys")
      const both = { GRINTA_KEYS_FILE: keysFile, GRINTA_KEYS: secret }
      assert.include(yield* refusal({}, both), "GRINTA_KEYS_FILE: there are keys, and a file of keys")
      assert.include(
        yield* refusal({ keysFile: `${keysFile}.none` }),
        "keysFile: the file of keys: it cannot be read: ENOENT"
      )
      assert.include(yield* refusal({ filesInterval: 0 }), "filesInterval")
    })
  )

  it.live("leave nothing open beyond loopback unless that is said, however it was set up", () =>
    Effect.gen(function* () {
      const path = yield* folder
      const put = (name: string, text: string) =>
        Effect.as(
          Effect.promise(() => writeFile(join(path, name), text)),
          join(path, name)
        )
      const listen = { host: "0.0.0.0" }
      const keysFile = yield* put("keys", `${secret}\nverifyIncoming=false\n`)
      const staged = yield* refusal({ listen, tls, keysFile })
      assert.include(
        staged,
        "0.0.0.0 is reached from other machines, and plaintext is taken for gossip (verifyIncoming)"
      )
      const env = {
        GRINTA_TLS_CERTIFICATE: yield* put("certificate", certificate),
        GRINTA_TLS_KEY: yield* put("key", key),
        GRINTA_TLS_AUTHORITIES: yield* put("authorities", authorities)
      }
      const flows = "plaintext is taken for flows (verifyIncoming)"
      assert.include(yield* refusal({ listen, keys: [secret], tls: { ...tls, verifyIncoming: false } }), flows)
      const open = { ...env, GRINTA_TLS_VERIFY_INCOMING: "false" }
      assert.include(yield* refusal({ listen, keys: [secret] }, open), flows)
      yield* Effect.scoped(built({ listen, keys: [secret], insecure: true }, open))
      yield* Effect.scoped(built({ listen, keys: [secret] }, env))
      assert.include(yield* refusal({}, { ...env, GRINTA_TLS_VERIFY_OUTGOING: "false" }), "tls.verifyIncoming")
    })
  )

  const manners = {
    GRINTA_TLS_REVOKED: "/nowhere",
    GRINTA_TLS_SESSION_AGE: "12 hours",
    GRINTA_TLS_BOUND_NAMES: "false",
    GRINTA_TLS_VERIFY_INCOMING: "true",
    GRINTA_TLS_VERIFY_OUTGOING: "false"
  }
  const none = { GRINTA_TLS_CERTIFICATE: "", GRINTA_TLS_REVOKED: "" }

  it.live("say which variable has no effect, since what it is about is not there", () =>
    Effect.gen(function* () {
      for (const [variable, value] of Object.entries(manners))
        assert.include(
          yield* refusal({}, { ...none, [variable]: value }),
          `${variable}: it says how TLS is to be, and there is none: GRINTA_TLS_CERTIFICATE, `
        )
      yield* Effect.scoped(built({}, none))
    })
  )

  it.live("name each variable of TLS there: those of certificates, and those that need them", () => {
    const known = Variables.names.filter((variable) => variable.startsWith("GRINTA_TLS_"))
    assert.sameMembers([...Object.values(Files.variables), ...Object.keys(manners)], known)
    return Effect.void
  })

  it.live("are taken from the environment where certificates are passed and they are not", () =>
    Effect.gen(function* () {
      assert.include(yield* refusal({ tls }, { GRINTA_TLS_REVOKED: "/nowhere" }), "GRINTA_TLS_REVOKED: ")
      assert.include(yield* refusal({ tls }, { GRINTA_TLS_SESSION_AGE: "0 hours" }), "tls.sessionAge")
      assert.include(yield* refusal({ tls }, { GRINTA_TLS_BOUND_NAMES: "perhaps" }), "GRINTA_TLS_BOUND_NAMES")
      assert.include(yield* refusal({ tls }, { GRINTA_TLS_VERIFY_OUTGOING: "false" }), "tls.verifyIncoming")
      const open = { listen: { host: "0.0.0.0" }, keys: [secret], tls } as const
      assert.include(yield* refusal(open, { GRINTA_TLS_VERIFY_INCOMING: "false" }), "plaintext is taken for flows")
      const passed = { ...tls, verifyIncoming: true, revoked: { certificates: [], hosts: [] } }
      const env = { GRINTA_TLS_VERIFY_INCOMING: "false", GRINTA_TLS_REVOKED: "/nowhere" }
      yield* Effect.scoped(built({ ...open, tls: passed }, env))
    })
  )

  it.live("refuse to verify gossip without keys", () =>
    Effect.gen(function* () {
      for (const setting of ["verifyIncoming", "verifyOutgoing"] as const)
        for (const keys of [{}, { keys: [] }]) {
          const { message } = yield* Effect.flip(GossipKeys.make({ ...keys, [setting]: true }))
          assert.include(message, `${setting}: it says how keys are used, and there are none`)
        }
    })
  )
})
