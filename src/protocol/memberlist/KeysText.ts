/**
 * Parses the text of a key file.
 *
 * Shape: one key per line, in base64; the first key encrypts. The lines `verifyIncoming=false` and
 * `verifyOutgoing=false` turn verification off, which is on by default. Empty lines and text behind a `#` are ignored.
 * The last line needs a line break, so that a half-written file is not taken for a whole one.
 * Errors: sentences with a line number and never the contents of the line.
 */
import { Result } from "effect"

export interface Keys {
  /** In base64, the primary first. */
  readonly keys: ReadonlyArray<string>
  readonly verifyIncoming: boolean
  readonly verifyOutgoing: boolean
}

const base64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/
const directive = /^(verifyIncoming|verifyOutgoing)\s*=\s*(true|false)$/

export const parse = (text: string): Result.Result<Keys, string> => {
  if (text.trim() === "") return Result.fail("it is empty")
  if (!text.endsWith("\n")) return Result.fail("its last line does not end, as if it were half written")
  const keys: Array<string> = []
  const verify = { verifyIncoming: true, verifyOutgoing: true }
  for (const [i, raw] of text.split("\n").entries()) {
    const line = raw.replace(/(?:^|\s)#.*$/, "").trim()
    if (line === "") continue
    const [, name, is] = directive.exec(line) ?? []
    if (name === "verifyIncoming" || name === "verifyOutgoing") verify[name] = is === "true"
    else if (base64.test(line)) keys.push(line)
    else return Result.fail(`its line ${i + 1} is neither a key in base64, nor verifyIncoming or verifyOutgoing`)
  }
  return keys.length === 0 ? Result.fail("it holds no key") : Result.succeed({ keys, ...verify })
}
