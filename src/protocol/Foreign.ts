/**
 * Foreign text, written by another party, made safe for a log, an error or a frame: of bounded length, and free of
 * characters that a terminal acts on or nobody sees. A newline would forge a line of the log, and U+202E would have the
 * rest of a line read from right to left.
 *
 * Shape: an unprintable character is written as `\u{202e}`; a text that was cut ends with "...".
 */

/** Default length of foreign text, in UTF-16 units. */
export const lengthMax = 200

/** Control, format, surrogate, unassigned and private-use characters, line and paragraph separators. */
const unprintable = /[\p{C}\p{Zl}\p{Zp}]/gu

const escaped = (character: string): string => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`

/** Matches most texts, in a tenth of the time that `unprintable` takes. */
const plain = /^[\x20-\x7e]*$/

const printable = (said: string): string => (plain.test(said) ? said : said.replace(unprintable, escaped))

/** Matches the first half of a surrogate pair that was cut in two. */
const half = /[\ud800-\udbff]$/

const cut = (said: string, length: number): string =>
  said.length > length ? `${said.slice(0, length).replace(half, "")}...` : said

/** Returns `said` printable and cut to `length` units. Cuts before escaping too: scanning a long text is slow. */
export const text = (said: string, length = lengthMax): string => cut(printable(said.slice(0, length + 1)), length)

/** Returns `said` in double quotes, with the quotes inside it escaped. */
export const quoted = (said: string, length = lengthMax): string =>
  `"${text(JSON.stringify(said.slice(0, length + 1)).slice(1, -1), length)}"`
