/**
 * What a host knows of its standing: whether the others know it by its name, and where else the name was said to live.
 *
 * See `Rivalry` for the rules.
 */
import type { Address } from "../Address.ts"

/** Another address that was said to have the name. */
export interface Rival {
  readonly address: Address
  saidAt: number
  askedAt: number
  /** What came of the last question: nobody answered, this host keeps the name, or it is about to lose it. */
  verdict: "silent" | "keeps" | "losing" | undefined
  /** Answers that said that this host gives way, less those that said that it does not. */
  losses: number
  /** Questions in a row to which nobody answered. */
  silences: number
  /** Members were told that the name lives here now, beside the gossip, which misses one now and then. */
  isTold: boolean
  /** It is an address of this very process: its word for the move is said again and again. */
  isOwn: boolean
}

export interface Standing {
  /** Whether this host has not said yet that it is up: see `Beginning`. */
  isStarting: boolean
  /** Tells this process from others of its name. */
  readonly life: number
  /** When another member last showed that it knows this host by its name; undefined when none ever did. */
  knownAt: number | undefined
  /** Some member has said what it knows. */
  hasListened: boolean
  /** Something came of a question who of its name is at another address, if only that nobody answers. */
  hasAsked: boolean
  /** When this process last woke from a sleep in which the others may have taken it for dead. */
  wokeAt: number
  rival: Rival | undefined
  /** The name lives elsewhere, and nobody has shown since that it knows this host: its user messages wait. */
  isHeld: boolean
  /** This host has given its name up: the machine has stopped. */
  isLost: boolean
}

/**
 * Whether nothing has come yet of the first question who of its name is at another address: until then a host does not say
 * where it is itself. An agent of Serf that hears of another one of its name asks the other agents, and quits if none of them
 * speaks for it. Only the first, so that nobody keeps a host silent by naming one address after the other.
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
