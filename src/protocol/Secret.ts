/**
 * What looks like a secret that was put where it does not belong, such as a key among the seeds: nobody is shown it.
 *
 * A value that people gave is repeated in an error or in a log by `shown` or `plain` alone.
 */
import { isPem } from "./Pem.ts"

/** A key of 16 or 32 bytes in base64: its length and its end are those of nothing else that a host is told. */
const paddedKey = /(?<![A-Za-z0-9+/_-])(?:[A-Za-z0-9+/_-]{22}==|[A-Za-z0-9+/_-]{43}=)(?!=)/

/** A key of 24 bytes has no such end, one that was cut has none either, and one in hex looks like any number. */
const run = /[A-Za-z0-9+/_-]{24,}/g
const longRun = 32
const isMixed = (text: string): boolean => /[a-z]/.test(text) && /[A-Z]/.test(text)
const hex = /^(?:[0-9a-f]{32,}|[0-9A-F]{32,})$/

/** From a kind of characters to another, as in base64 after two of three, and in no name so often. */
const turn = /[a-z](?=[A-Z0-9+/])|[A-Z](?=[a-z0-9+/])|[0-9](?=[A-Za-z+/])|[+/](?=[A-Za-z0-9])/g
const isScrambled = (text: string): boolean => isMixed(text) && (text.match(turn)?.length ?? 0) >= 0.3 * text.length

/** The body of a key in PEM, or a line of it, and a key of 32 bytes without its end. */
const body = /(?<![A-Za-z0-9+/_-])[A-Za-z0-9+/_-]{43,}={0,2}/
const isBody = (text: string): boolean => isScrambled(body.exec(text)?.[0] ?? "")

/** Whether a text holds a secret beyond doubt. */
export const isSecret = (text: string): boolean => isPem(text) || paddedKey.test(text)

/** Whether a text is a key, or the body of one, and nothing else, as names of hosts and fabrics are not: of 24 bytes, too. */
export const isKey = (text: string): boolean =>
  isSecret(text) || isBody(text) || (/^(?=.*[0-9+/])[A-Za-z0-9+/]{32}$/.test(text) && isMixed(text))

/** Whether a text may hold a secret. */
export const maybeSecret = (text: string): boolean =>
  isSecret(text) ||
  (text.match(run) ?? []).some((found) => hex.test(found) || (found.length < longRun ? isScrambled : isMixed)(found))

const shownMax = 128

/** A value as errors and logs repeat it; what may be a secret is not repeated. */
export const plain = (text: string): string => (maybeSecret(text) ? "(not shown)" : text)

/** The same in quotes, of a value that may be anything. */
export const shown = (text: string): string =>
  maybeSecret(text) ? "(not shown)" : JSON.stringify(text.slice(0, shownMax))
