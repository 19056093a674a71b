/**
 * Secrets that a program passes, in the clear or wrapped. They are kept wrapped, so that no log, error or inspection of
 * an object shows them, and unwrapped where Node takes them.
 */
import { Redacted } from "effect"

/** Secret: a text, or the same wrapped by `Redacted.make`. Either is kept wrapped. */
export type Secret = string | Redacted.Redacted

export const seal = (secret: Secret): Redacted.Redacted => (typeof secret === "string" ? Redacted.make(secret) : secret)

export const open = (secret: Secret): string => (typeof secret === "string" ? secret : Redacted.value(secret))
