/**
 * PEM texts: blocks between a line "-----BEGIN LABEL-----" and a line "-----END LABEL-----", with any text around them.
 *
 * Errors: why a text is incomplete, in words that complete "it ..", without any part of the text.
 */
import { Result } from "effect"

export interface Block {
  /** For example "CERTIFICATE" or "EC PRIVATE KEY". */
  readonly label: string
  /** The block with its BEGIN and its END line. */
  readonly text: string
}

const border = /-----(BEGIN|END) ([A-Z0-9 ]+)-----/g

/** The beginning of a BEGIN line, after which a text stops. */
const begun = /(^|\n)-{1,5}$|(^|\n)-----B[^\n]*$/

/** Returns true when a text holds PEM, and so is no path of a file. */
export const isPem = (text: string): boolean => text.search(border) !== -1

/** Restores the newlines of an environment variable, where they are sometimes written as a backslash and "n". */
export const unescaped = (text: string): string => text.replaceAll("\\n", "\n")

/**
 * Returns the blocks of a text, at least one. Refuses a text that was cut off inside a block or its BEGIN line, since a file may be
 * read while it is written. Nothing shows that a text was cut off between two blocks.
 */
export const blocks = (text: string): Result.Result<ReadonlyArray<Block>, string> => {
  if (text.trim() === "") return Result.fail("is empty")
  const found: Array<Block> = []
  let open: { readonly label: string; readonly at: number } | undefined
  for (const { 0: line, 1: side, 2: label = "", index } of text.matchAll(border)) {
    const isEnd = side === "END"
    if (isEnd ? open?.label !== label : open !== undefined) return Result.fail("is cut off")
    if (isEnd && open !== undefined) found.push({ label, text: text.slice(open.at, index + line.length) })
    open = isEnd ? undefined : { label, at: index }
  }
  if (open !== undefined || (found.length > 0 && begun.test(text))) return Result.fail("is cut off")
  return found.length === 0 ? Result.fail("is no PEM") : Result.succeed(found)
}
