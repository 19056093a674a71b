/**
 * Texts in PEM: blocks between a line "-----BEGIN LABEL-----" and a line "-----END LABEL-----", and anything around them.
 *
 * Errors: why a text is not whole, in words that complete "it ..". None of them holds a part of the text.
 */
import { Result } from "effect"

export interface Block {
  /** Such as "CERTIFICATE" or "EC PRIVATE KEY". */
  readonly label: string
  /** With its first and its last line. */
  readonly text: string
}

const border = /-----(BEGIN|END) ([A-Z0-9 ]+)-----/g

/** Whether a text holds PEM and so is no path of a file. */
export const isPem = (text: string): boolean => text.search(border) !== -1

/** What a variable of the environment holds, where the ends of lines are sometimes written as a backslash and "n". */
export const unescaped = (text: string): string => text.replaceAll("\\n", "\n")

/**
 * The blocks of a text, at least one. A text that was cut off anywhere is refused, also between two of its blocks' borders:
 * a file may be read while it is written.
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
  if (open !== undefined) return Result.fail("is cut off")
  return found.length === 0 ? Result.fail("is no PEM") : Result.succeed(found)
}
