/**
 * Sealing: the stage of a host in the encryption of its gossip (its keys, whether it encrypts and takes plaintext).
 *
 * ```text
 *   plain ── install ──> opens ── verify outgoing ──> seals ── verify incoming ──> requires
 *         <── remove ───       <── not outgoing ─────       <── not incoming ─────
 * ```
 *
 * Hosts of one stage, or of two successive stages, understand each other. So a running fabric changes its stage host by
 * host, in any order, if all hosts have taken one step before any host takes the next.
 * Invariants: without keys a host verifies nothing; a host that verifies incoming gossip verifies outgoing too.
 * Source: memberlist-wire.md, sections 8.4 and 8.5.
 */
import { Result } from "effect"
import * as Keyring from "./Keyring.ts"

export interface Verify {
  /** Whether to refuse plaintext. */
  readonly incoming: boolean
  /** Whether to encrypt outgoing gossip. */
  readonly outgoing: boolean
}

/** Immutable: a change makes a new value, so a reader sees all of a change or none. */
export interface Sealing {
  /** Undefined without keys. */
  readonly ring: Keyring.Keyring | undefined
  readonly verify: Verify
}

/** Why a change is refused, and the setting at fault, for people. */
export interface Refused {
  readonly setting: "keys" | "verifyIncoming" | "verifyOutgoing"
  readonly detail: string
}

export type Changed = Result.Result<Sealing, Refused>

const refuse = (setting: Refused["setting"], detail: string): Changed => Result.fail({ setting, detail })

const nothing: Verify = { incoming: false, outgoing: false }

/** The stage of a host without keys. */
export const plain: Sealing = { ring: undefined, verify: nothing }

export const isPlain = ({ verify }: Sealing): boolean => !verify.incoming && !verify.outgoing

const check = (sealing: Sealing): Changed => {
  const { incoming, outgoing } = sealing.verify
  if (sealing.ring === undefined && outgoing) return refuse("verifyOutgoing", "there is no key to encrypt with")
  if (incoming && !outgoing)
    return refuse("verifyIncoming", "a host that takes nothing but encrypted gossip has to send that: verifyOutgoing")
  return Result.succeed(sealing)
}

const ringOf = (ring: Result.Result<Keyring.Keyring, Keyring.KeyRefused>): Result.Result<Keyring.Keyring, Refused> =>
  Result.mapError(ring, (detail): Refused => ({ setting: "keys", detail }))

/** Makes the sealing of a host with `keys`, the primary first; without keys always `plain`, whatever `verify` says. */
export const make = (keys: ReadonlyArray<Uint8Array>, verify: Verify): Changed =>
  keys.length === 0
    ? Result.succeed(plain)
    : Result.flatMap(ringOf(Keyring.make(keys)), (ring) => check({ ring, verify }))

const withRing = (sealing: Sealing, ring: Result.Result<Keyring.Keyring, Keyring.KeyRefused>): Changed =>
  Result.map(ringOf(ring), (changed) => (changed === sealing.ring ? sealing : { ...sealing, ring: changed }))

/** Adds a key that opens. The first key becomes the primary; what the host sends and accepts stays the same. */
export const install = (sealing: Sealing, key: Uint8Array): Changed =>
  withRing(sealing, sealing.ring === undefined ? Keyring.make([key]) : Keyring.install(sealing.ring, key))

/** Makes an installed key the primary, which encrypts. */
export const use = (sealing: Sealing, key: Uint8Array): Changed =>
  sealing.ring === undefined
    ? refuse("keys", "the key is not installed")
    : withRing(sealing, Keyring.use(sealing.ring, key))

/** Removes a key; the primary only if it is the last key of a host that verifies nothing. */
export const remove = (sealing: Sealing, key: Uint8Array): Changed => {
  const { ring } = sealing
  if (ring === undefined) return Result.succeed(sealing)
  const isLast = ring.others.length === 0 && Keyring.has(ring, key)
  if (isLast && isPlain(sealing)) return Result.succeed(plain)
  return withRing(sealing, Keyring.remove(ring, key))
}

/** Changes the given settings of verification; the others stay. */
export const verify = (sealing: Sealing, { incoming, outgoing }: Partial<Verify>): Changed => {
  const before = sealing.verify
  const next = { incoming: incoming ?? before.incoming, outgoing: outgoing ?? before.outgoing }
  const isSame = next.incoming === before.incoming && next.outgoing === before.outgoing
  return isSame ? Result.succeed(sealing) : check({ ...sealing, verify: next })
}
