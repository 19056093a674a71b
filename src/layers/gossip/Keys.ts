/**
 * Keys of a running host: the cipher reads them, an operator changes them.
 *
 * Packets and streams that were sealed are counted by key in `grinta_gossip_sealed`, by its fingerprint: with random
 * nonces a key is to seal less than 2^32 of them, on all hosts together. Source: security.md, D-4.
 */
import { createHash } from "node:crypto"
import { Effect, Metric, Redacted, Result, Stream } from "effect"
import { Base64 } from "effect/encoding"
import type { Cipher } from "../../protocol/memberlist/Framing.ts"
import * as Keyring from "../../protocol/memberlist/Keyring.ts"
import * as Sealing from "../../protocol/memberlist/Sealing.ts"
import type { GossipKeyring } from "../../services/Gossip.ts"
import { InvalidConfig, NetworkError } from "../../services/NetworkError.ts"
import * as Background from "../core/Background.ts"
import * as Sealed from "../core/Sealed.ts"
import * as AesGcm from "./AesGcm.ts"

/** Keys, and how far they are enforced. */
export interface Keys {
  /** Keys in base64, the primary first, each of 16, 24 or 32 bytes, at most 8; by default those of the socket. */
  readonly keys?: ReadonlyArray<Sealed.Secret>
  /**
   * Refuses incoming plaintext; true by default. False only while a cluster migrates from plaintext to keys, or back.
   */
  readonly verifyIncoming?: boolean
  /**
   * Encrypts messages sent; true by default. False only while a cluster migrates from plaintext to keys, or back, and
   * only with `verifyIncoming` false.
   */
  readonly verifyOutgoing?: boolean
}

/** Keys at the start, and their renewals while the host runs. */
export interface Options extends Keys {
  /** Replacements of these options, in order. An unusable one is logged, and the last good keys stay. */
  readonly renewals?: Stream.Stream<Keys>
}

export interface GossipKeys {
  /** Returns the present cipher; undefined without keys. */
  readonly cipher: () => Cipher | undefined
  readonly keyring: GossipKeyring
  /** Applies the renewals as they come. */
  readonly renew: Effect.Effect<void>
}

const sealed = Metric.counter("grinta_gossip_sealed", {
  description: "Packets and streams of gossip that were encrypted, by the fingerprint of the key",
  incremental: true
})

const fingerprintHexDigits = 16

/** Returns the fingerprint of a key, which identifies the key and does not reveal it. */
const fingerprintOf = (key: Uint8Array): string =>
  createHash("sha256").update(key).digest("hex").slice(0, fingerprintHexDigits)

/** Decodes a key. The error never shows the text: it is a secret even when it is no key. */
const parse = (key: Sealed.Secret): Result.Result<Uint8Array, Sealing.Refused> =>
  Result.mapError(Base64.decode(Sealed.open(key)), () => ({ setting: "keys", detail: "a key is written in base64" }))

const refuse =
  (operation: "listen" | "keyring") =>
  (reason: Sealing.Refused): NetworkError =>
    new NetworkError({ operation, reason: new InvalidConfig(reason) })

/** Returns the setting that says how keys are used while there are none; undefined otherwise. */
const idle = ({ keys = [], verifyIncoming, verifyOutgoing }: Keys): Sealing.Refused["setting"] | undefined => {
  if (keys.length > 0) return undefined
  if (verifyIncoming !== undefined) return "verifyIncoming"
  return verifyOutgoing === undefined ? undefined : "verifyOutgoing"
}

const sealingOf = (given: Keys): Sealing.Changed => {
  const setting = idle(given)
  if (setting !== undefined)
    return Result.fail({ setting, detail: "it says how keys are used, and there are none: keys" })
  const { keys = [], verifyIncoming: incoming = true, verifyOutgoing: outgoing = true } = given
  return Result.flatMap(Result.all(keys.map(parse)), (parsed) => Sealing.make(parsed, { incoming, outgoing }))
}

const keysOf = ({ ring }: Sealing.Sealing): ReadonlyArray<Uint8Array> => (ring === undefined ? [] : Keyring.keys(ring))

/** Describes the present encryption for the log. */
const describe = ({ ring, verify }: Sealing.Sealing): string => {
  if (ring === undefined) return "gossip is plaintext: there are no keys"
  const count = ring.others.length + 1
  const keys = `${count} ${count === 1 ? "key" : "keys"}, the first is ${fingerprintOf(ring.primary)}`
  const sent = verify.outgoing ? "encrypted" : "in plaintext (verifyOutgoing)"
  return `gossip has ${keys}: it is sent ${sent}, and plaintext is ${verify.incoming ? "refused" : "taken (verifyIncoming)"}`
}

/** Errors: InvalidConfig for an invalid key, for plaintext refused but sent, or for either setting without keys. */
export const make = Effect.fnUntraced(function* (options: Options): Effect.fn.Return<GossipKeys, NetworkError> {
  /** Present sealing, wrapped so that nothing shows its keys. */
  let wrapped = Redacted.make(yield* Effect.mapError(Effect.fromResult(sealingOf(options)), refuse("listen")))
  const current = (): Sealing.Sealing => Redacted.value(wrapped)
  const context = yield* Effect.context<never>()
  /** Number of seals by each key so far, by its fingerprint. */
  const seals = new Map<string, number>()

  const cipherOf = ({ ring, verify }: Sealing.Sealing): Cipher | undefined => {
    if (ring === undefined) return undefined
    const key = fingerprintOf(ring.primary)
    const counter = Metric.withAttributes(sealed, { key })
    const onSeal = (): void => {
      seals.set(key, (seals.get(key) ?? 0) + 1)
      counter.updateUnsafe(1, context)
    }
    const held = Redacted.make(ring)
    return AesGcm.make(() => Redacted.value(held), verify, onSeal)
  }

  let cipher = cipherOf(current())

  const take = (next: Sealing.Sealing): Effect.Effect<void> =>
    Effect.suspend(() => {
      const hadPlaintext = !current().verify.incoming
      wrapped = Redacted.make(next)
      cipher = cipherOf(next)
      const isWorse = !next.verify.incoming && !hadPlaintext
      const log = isWorse ? Effect.logWarning : Effect.logInfo
      // Logs in the host's context, whoever changes the keys.
      return Effect.provideContext(log(describe(next)), context)
    })

  const change = (changed: () => Sealing.Changed): Effect.Effect<void, NetworkError> =>
    Effect.suspend(() => {
      const before = current()
      const next = changed()
      if (Result.isFailure(next)) return Effect.fail(refuse("keyring")(next.failure))
      return next.success === before ? Effect.void : take(next.success)
    })

  const changeBy = (apply: (sealing: Sealing.Sealing, key: Uint8Array) => Sealing.Changed) => (secret: Sealed.Secret) =>
    change(() => Result.flatMap(parse(secret), (key) => apply(current(), key)))

  const replace = (next: Keys): Effect.Effect<void> =>
    Effect.suspend(() => {
      const made = sealingOf(next)
      return Result.isSuccess(made)
        ? take(made.success)
        : Effect.logWarning(`a renewal of the keys is not used, and what there is stays: ${made.failure.detail}`)
    })

  return {
    cipher: () => cipher,
    renew: Background.each("the renewal of keys", options.renewals ?? Stream.empty, replace),
    keyring: {
      size: Effect.sync(() => keysOf(current()).length),
      list: Effect.sync(() =>
        keysOf(current()).map((key, i) => {
          const fingerprint = fingerprintOf(key)
          return { fingerprint, isPrimary: i === 0, sealed: seals.get(fingerprint) ?? 0 }
        })
      ),
      verified: Effect.sync(() => current().verify),
      verify: (what) => change(() => Sealing.verify(current(), what)),
      install: changeBy(Sealing.install),
      use: changeBy(Sealing.use),
      remove: changeBy(Sealing.remove)
    }
  }
})
