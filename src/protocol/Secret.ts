/**
 * Detects secrets in the wrong place, such as a key among the seeds, so that nobody is shown them.
 *
 * Errors and logs repeat a configured value only through `shown` or `plain`.
 */
import { isPem } from "./Pem.ts"

/** Matches a key of 16 or 32 bytes in base64: no other setting of a host has this length and padding. */
const paddedKey = /(?<![A-Za-z0-9+/_-])(?:[A-Za-z0-9+/_-]{22}==|[A-Za-z0-9+/_-]{43}=)(?!=)/

/** Matches candidates for `isMixed` and `isScrambled`: keys of 24 bytes, cut keys, and keys in hex have no padding. */
const run = /[A-Za-z0-9+/_-]{24,}/g
const longRun = 32
const isMixed = (text: string): boolean => /[a-z]/.test(text) && /[A-Z]/.test(text)
const hex = /^(?:[0-9a-f]{32,}|[0-9A-F]{32,})$/

/** Matches a change of character class, as after two of three characters in base64; no name changes class so often. */
const turn = /[a-z](?=[A-Z0-9+/])|[A-Z](?=[a-z0-9+/])|[0-9](?=[A-Za-z+/])|[+/](?=[A-Za-z0-9])/g
const isScrambled = (text: string): boolean => isMixed(text) && (text.match(turn)?.length ?? 0) >= 0.3 * text.length

/** Matches the body of a PEM key, one line of it, or a key of 32 bytes without its padding. */
const body = /(?<![A-Za-z0-9+/_-])[A-Za-z0-9+/_-]{43,}={0,2}/
const isBody = (text: string): boolean => isScrambled(body.exec(text)?.[0] ?? "")

/** Returns true when a text certainly holds a secret. */
export const isSecret = (text: string): boolean => isPem(text) || paddedKey.test(text)

/** Returns true when a text is nothing but a key or its body, also one of 24 bytes; names of hosts are none. */
export const isKey = (text: string): boolean =>
  isSecret(text) || isBody(text) || (/^(?=.*[0-9+/])[A-Za-z0-9+/]{32}$/.test(text) && isMixed(text))

/** Returns true when a text may hold a secret. */
export const maybeSecret = (text: string): boolean =>
  isSecret(text) ||
  (text.match(run) ?? []).some((found) => hex.test(found) || (found.length < longRun ? isScrambled : isMixed)(found))

const shownMax = 128

/** Returns a value for an error or a log, "(not shown)" when it may be a secret. */
export const plain = (text: string): string => (maybeSecret(text) ? "(not shown)" : text)

/** Returns any value as `plain` does, in quotes and cut to `shownMax` characters. */
export const shown = (text: string): string =>
  maybeSecret(text) ? "(not shown)" : JSON.stringify(text.slice(0, shownMax))
