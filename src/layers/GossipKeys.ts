/**
 * The keyring of a running host: what the cipher reads, and what an operator changes.
 */
import { Effect, Redacted, Result } from "effect"
import { Base64 } from "effect/encoding"
import type { Cipher } from "../protocol/memberlist/Framing.ts"
import * as Keyring from "../protocol/memberlist/Keyring.ts"
import type { GossipKeyring } from "../services/Gossip.ts"
import { InvalidConfig, NetworkError } from "../services/NetworkError.ts"
import * as AesGcm from "./AesGcm.ts"
import * as Sealed from "./Sealed.ts"

export interface GossipKeys {
  /** Undefined when the host started without keys: nothing is encrypted. */
  readonly cipher: Cipher | undefined
  readonly keyring: GossipKeyring
}

export interface Options {
  /** In base64, the primary first; those of the socket when there is none. */
  readonly keys?: ReadonlyArray<Sealed.Secret>
  /** Refuse what is not encrypted. Off only while a cluster moves from plaintext to keys. */
  readonly verifyIncoming?: boolean
  /** Encrypt what is sent. Off only while a cluster moves from plaintext to keys. */
  readonly verifyOutgoing?: boolean
}

const refuse = (operation: "listen" | "keyring", detail: string): NetworkError =>
  new NetworkError({ operation, reason: new InvalidConfig({ setting: "keys", detail }) })

/** Never shows the text: it is a secret even when it is no key. */
const parse = (key: Sealed.Secret): Result.Result<Uint8Array, Keyring.KeyRefused> =>
  Result.mapError(Base64.decode(Sealed.open(key)), () => "a key is written in base64")

/** Errors: InvalidConfig for what is no key. */
export const make = Effect.fnUntraced(function* ({
  keys = [],
  verifyIncoming: incoming = true,
  verifyOutgoing: outgoing = true
}: Options): Effect.fn.Return<GossipKeys, NetworkError> {
  let ring: Redacted.Redacted<Keyring.Keyring> | undefined
  if (keys.length > 0) {
    const parsed = Result.flatMap(Result.all(keys.map(parse)), Keyring.make)
    ring = Redacted.make(yield* Effect.mapError(Effect.fromResult(parsed), (detail) => refuse("listen", detail)))
  }
  let current = ring

  const change =
    (apply: (ring: Keyring.Keyring, key: Uint8Array) => Result.Result<Keyring.Keyring, Keyring.KeyRefused>) =>
    (secret: Sealed.Secret): Effect.Effect<void, NetworkError> =>
      Effect.suspend(() => {
        if (current === undefined) return Effect.fail(refuse("keyring", "this host was started without keys"))
        const known = Redacted.value(current)
        const changed = Result.flatMap(parse(secret), (key) => apply(known, key))
        if (Result.isFailure(changed)) return Effect.fail(refuse("keyring", changed.failure))
        current = Redacted.make(changed.success)
        return Effect.void
      })

  return {
    cipher: ring === undefined ? undefined : AesGcm.make(() => Redacted.value(current ?? ring), { incoming, outgoing }),
    keyring: {
      size: Effect.sync(() => (current === undefined ? 0 : Keyring.keys(Redacted.value(current)).length)),
      install: change(Keyring.install),
      use: change(Keyring.use),
      remove: change(Keyring.remove)
    }
  }
})
