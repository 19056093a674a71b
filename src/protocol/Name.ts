/**
 * Names of hosts and endpoints: letters, digits, "-" and "."; 1 to 128 bytes; no empty part between dots.
 *
 * Source: design.md, section 3; faults.md, row E12.
 */
import { Result } from "effect"

export const nameBytesMax = 128

/** How the names of what hosts offer to their operators begin. */
export const hostsPrefix = "grinta."

/** Whether a name is one that each host has for itself, and no program. */
export const isOfHosts = (text: string): boolean => text.startsWith(hostsPrefix)

const name = /^[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*$/

/** Why `text` is no name, for people; undefined when it is one. */
export const violation = (text: string): string | undefined =>
  text.length === 0
    ? "is empty"
    : text.length > nameBytesMax
      ? `is ${text.length} characters long, at most ${nameBytesMax} are allowed`
      : name.test(text)
        ? undefined
        : 'has something other than letters, digits, "-" and single dots between them'

/** Shape: the name itself. Errors: the sentence of {@link violation}. */
export const parse = (text: string): Result.Result<string, string> => {
  const rule = violation(text)
  return rule === undefined ? Result.succeed(text) : Result.fail(rule)
}
