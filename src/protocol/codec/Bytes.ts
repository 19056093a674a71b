/** Bytes: messages that are bytes already. */
import { Result } from "effect"
import type { Coding } from "./Coding.ts"

/** Getter of the class name of a typed array, which no object can fake. */
const nameOf = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(Uint8Array.prototype), Symbol.toStringTag)?.get

/** Accepts a `Uint8Array` of any realm: a test runner or a sandbox has its own. */
export const isBytes = (message: unknown): message is Uint8Array =>
  message instanceof Uint8Array || nameOf?.call(message) === "Uint8Array"

export const coding: Coding<Uint8Array> = {
  encode: (message) => (isBytes(message) ? Result.succeed(message) : Result.fail("not a Uint8Array")),
  encodeAll: (messages) => {
    const all = [...messages]
    return all.every(isBytes) ? Result.succeed(all) : Result.fail("not a Uint8Array")
  },
  decode: (encoded) => Result.succeed(encoded),
  decodeAll: (all) => Result.succeed(all)
}
