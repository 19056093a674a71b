/**
 * What looks like a secret that was put where it does not belong, such as a key among the seeds: nobody is shown it.
 *
 * A value that people gave is repeated in an error or in a log by `shown` or `plain` alone.
 */
import { isPem } from "./Pem.ts"

/** A key of 16 or 32 bytes in base64: its length and its end are those of nothing else that a host is told. */
const paddedKey = /(?<![A-Za-z0-9+/_-])(?:[A-Za-z0-9+/_-]{22}==|[A-Za-z0-9+/_-]{43}=)(?!=)/

/** A key of 24 bytes has no such end, and one in hex looks like any number. */
const run = /[A-Za-z0-9+/]{32,}/g
const isMixed = (text: string): boolean => /[a-z]/.test(text) && /[A-Z]/.test(text)
const hex = /^(?:[0-9a-f]{32,}|[0-9A-F]{32,})$/

/** Whether a text holds a secret beyond doubt. */
export const isSecret = (text: string): boolean => isPem(text) || paddedKey.test(text)

/** Whether a text is a key and nothing else, as names of hosts and fabrics are not: of 24 bytes, too. */
export const isKey = (text: string): boolean =>
  isSecret(text) || (/^(?=.*[0-9+/])[A-Za-z0-9+/]{32}$/.test(text) && isMixed(text))

/** Whether a text may hold a secret. */
export const maybeSecret = (text: string): boolean =>
  isSecret(text) || (text.match(run) ?? []).some((found) => isMixed(found) || hex.test(found))

const shownMax = 128

/** A value as errors and logs repeat it; what may be a secret is not repeated. */
export const plain = (text: string): string => (maybeSecret(text) ? "(not shown)" : text)

/** The same in quotes, of a value that may be anything. */
export const shown = (text: string): string =>
  maybeSecret(text) ? "(not shown)" : JSON.stringify(text.slice(0, shownMax))
