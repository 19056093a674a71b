/**
 * Standing: whether other members know a host by its name, and the rival address of that name.
 *
 * See `Rivalry` for the rules.
 */
import type { Address } from "../Address.ts"

/** Another address that was said to have the name. */
export interface Rival {
  readonly address: Address
  saidAt: number
  askedAt: number
  /** Result of the last question: nobody answered, this host keeps the name, or it is about to lose it. */
  verdict: "silent" | "keeps" | "losing" | undefined
  /** Answers by which this host gives way, less those by which it does not. */
  losses: number
  /** Unanswered questions in a row. */
  silences: number
  /** Members were told directly that the name lives here, since gossip misses one now and then. */
  isTold: boolean
  /** The address belongs to this very process: it announces its move again and again. */
  isOwn: boolean
}

export interface Standing {
  /** Whether this host has not yet said that it is up: see `Beginning`. */
  isStarting: boolean
  /** Tells this process from others of its name. */
  readonly life: number
  /** When another member last showed that it knows this host by its name; undefined before the first time. */
  knownAt: number | undefined
  /** Whether some member has sent its state. */
  hasListened: boolean
  /** Whether a question to a rival was answered or timed out. */
  hasAsked: boolean
  /** When this process last woke from a sleep in which others may have taken it for dead. */
  wokeAt: number
  rival: Rival | undefined
  /** The name lives elsewhere, and no member has shown since that it knows this host: its user messages wait. */
  isHeld: boolean
  /** This host has given its name up: the machine has stopped. */
  isLost: boolean
}

/**
 * Whether the first question to a rival is still open: until then a host does not tell its own address. An agent of
 * Serf that hears of a second agent with its name asks the other agents, and quits if none of them confirms it. Only
 * the first question counts, so that nobody keeps a host silent by naming one address after the other.
 */
export const isAsking = ({ hasAsked, isHeld, rival }: Standing): boolean => isHeld && !hasAsked && rival !== undefined

export const make = (life: number, isStarting: boolean): Standing => ({
  isStarting,
  life,
  knownAt: undefined,
  hasListened: false,
  hasAsked: false,
  wokeAt: Number.NEGATIVE_INFINITY,
  rival: undefined,
  isHeld: false,
  isLost: false
})
