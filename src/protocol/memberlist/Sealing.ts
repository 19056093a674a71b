/**
 * What a host does about the encryption of its gossip: its keys, whether it encrypts, and whether it takes plaintext.
 *
 * ```text
 *   plain ── install ──> opens ── verify outgoing ──> seals ── verify incoming ──> requires
 *         <── remove ───       <── not outgoing ─────       <── not incoming ─────
 * ```
 *
 * Two hosts of one stage, or of two that follow each other, understand each other: so a fabric changes its stage while it
 * runs, one host after the other in any order, when all have done one step before any does the next.
 * Invariants: who has no key verifies nothing; who verifies what comes in verifies what goes out.
 * Source: memberlist-protocol.md, sections 8.4 and 8.5.
 */
import { Result } from "effect"
import * as Keyring from "./Keyring.ts"

export interface Verify {
  /** Refuse what is not encrypted. */
  readonly incoming: boolean
  /** Encrypt what is sent. */
  readonly outgoing: boolean
}

/** Immutable: a change of it is another one, so whoever reads it sees all of a change or nothing. */
export interface Sealing {
  /** Undefined without keys. */
  readonly ring: Keyring.Keyring | undefined
  readonly verify: Verify
}

/** Why a change is refused, and which setting is wrong, for people. */
export interface Refused {
  readonly setting: "keys" | "verifyIncoming" | "verifyOutgoing"
  readonly detail: string
}

export type Changed = Result.Result<Sealing, Refused>

const refuse = (setting: Refused["setting"], detail: string): Changed => Result.fail({ setting, detail })

const nothing: Verify = { incoming: false, outgoing: false }

/** A host without keys: nothing is encrypted. */
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

/** The keys a host starts with, the primary first; without any it verifies nothing, whatever is said. */
export const make = (keys: ReadonlyArray<Uint8Array>, verify: Verify): Changed =>
  keys.length === 0
    ? Result.succeed(plain)
    : Result.flatMap(ringOf(Keyring.make(keys)), (ring) => check({ ring, verify }))

const withRing = (sealing: Sealing, ring: Result.Result<Keyring.Keyring, Keyring.KeyRefused>): Changed =>
  Result.map(ringOf(ring), (changed) => (changed === sealing.ring ? sealing : { ...sealing, ring: changed }))

/** Adds a key that opens. The first one of all is the primary, and changes nothing of what is sent and taken. */
export const install = (sealing: Sealing, key: Uint8Array): Changed =>
  withRing(sealing, sealing.ring === undefined ? Keyring.make([key]) : Keyring.install(sealing.ring, key))

/** Has an installed key encrypt. */
export const use = (sealing: Sealing, key: Uint8Array): Changed =>
  sealing.ring === undefined
    ? refuse("keys", "the key is not installed")
    : withRing(sealing, Keyring.use(sealing.ring, key))

/** Takes a key out: the primary only as the last one, of a host that does not encrypt. */
export const remove = (sealing: Sealing, key: Uint8Array): Changed => {
  const { ring } = sealing
  if (ring === undefined) return Result.succeed(sealing)
  const isLast = ring.others.length === 0 && Keyring.has(ring, key)
  if (isLast && isPlain(sealing)) return Result.succeed(plain)
  return withRing(sealing, Keyring.remove(ring, key))
}

/** Changes what is verified; what is not said stays. */
export const verify = (sealing: Sealing, { incoming, outgoing }: Partial<Verify>): Changed => {
  const before = sealing.verify
  const next = { incoming: incoming ?? before.incoming, outgoing: outgoing ?? before.outgoing }
  const isSame = next.incoming === before.incoming && next.outgoing === before.outgoing
  return isSame ? Result.succeed(sealing) : check({ ...sealing, verify: next })
}
