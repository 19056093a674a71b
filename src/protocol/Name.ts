/**
 * Names of hosts and endpoints: letters, digits, "-" and "."; 1 to 128 bytes; no empty part between dots.
 *
 * Source: design.md, section 3; faults.md, row E12.
 */
import { Result } from "effect"

export const nameBytesMax = 128

/** Prefix of the endpoint names that hosts serve for their operators. */
export const hostsPrefix = "grinta."

/** Returns true for a name that every host serves for itself, and no program may expose. */
export const isOfHosts = (text: string): boolean => text.startsWith(hostsPrefix)

const name = /^[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*$/

/** Returns why `text` is no valid name, for people; undefined when it is valid. */
export const violation = (text: string): string | undefined =>
  text.length === 0
    ? "is empty"
    : text.length > nameBytesMax
      ? `is ${text.length} characters long, at most ${nameBytesMax} are allowed`
      : name.test(text)
        ? undefined
        : 'has something other than letters, digits, "-" and single dots between them'

/** Parses a name. Shape: the name itself. Errors: the sentence of {@link violation}. */
export const parse = (text: string): Result.Result<string, string> => {
  const rule = violation(text)
  return rule === undefined ? Result.succeed(text) : Result.fail(rule)
}
