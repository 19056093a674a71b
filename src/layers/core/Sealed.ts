/**
 * Secrets that a program hands over, in the clear or wrapped. What keeps one keeps it wrapped, so that no log, error or
 * inspection of an object shows it, and unwraps it where Node takes it.
 */
import { Redacted } from "effect"

export type Secret = string | Redacted.Redacted

export const seal = (secret: Secret): Redacted.Redacted => (typeof secret === "string" ? Redacted.make(secret) : secret)

export const open = (secret: Secret): string => (typeof secret === "string" ? secret : Redacted.value(secret))
