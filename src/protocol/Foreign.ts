/**
 * Text that somebody else wrote, as it may stand in a log, an error or a frame: of a bounded length, and without anything that
 * a terminal acts on or that nobody sees. A newline would begin a line of a log that nobody here wrote, and U+202E has the rest of
 * a line read from right to left.
 *
 * Shape: what is no printable character is written as `\u{202e}`; what was cut ends with "...".
 */

/** How much of it is shown, in UTF-16 units, unless said. */
export const lengthMax = 200

/** Controls, formats, lone halves of characters, unassigned and private ones, ends of lines and paragraphs. */
const unprintable = /[\p{C}\p{Zl}\p{Zp}]/gu

const escaped = (character: string): string => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`

/** What mostly comes, and is found to be fine in a tenth of the time. */
const plain = /^[\x20-\x7e]*$/

const printable = (said: string): string => (plain.test(said) ? said : said.replace(unprintable, escaped))

/** The first half of a character that was cut in two. */
const half = /[\ud800-\udbff]$/

const cut = (said: string, length: number): string =>
  said.length > length ? `${said.slice(0, length).replace(half, "")}...` : said

/** Cut before, since to look through all of it would cost whoever it was sent to, and after. */
export const text = (said: string, length = lengthMax): string => cut(printable(said.slice(0, length + 1)), length)

/** In quotes, where those that are in it stand apart. */
export const quoted = (said: string, length = lengthMax): string =>
  `"${text(JSON.stringify(said.slice(0, length + 1)).slice(1, -1), length)}"`
