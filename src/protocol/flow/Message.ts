/**
 * Message of a flow: its bytes, or within the process the JSON value whose text those bytes would be.
 *
 * A value is an unshared copy, equal to `JSON.parse` of its text.
 * Units: the `byteLength` of a value is about its size in memory; its text takes at most three times as many bytes.
 * Bounds: a value of more than `valueBytesMax` bytes, or nested deeper than `depthMax`, travels as text.
 */
import type { NonEmptyReadonlyArray } from "effect/Array"
import * as Utf8 from "../Utf8.ts"

export class Value {
  readonly json: unknown
  readonly byteLength: number

  constructor(json: unknown, byteLength: number) {
    this.json = json
    this.byteLength = byteLength
  }
}

export type Message = Uint8Array | Value

const valueBytesMax = 64 * 1024
const depthMax = 64

/** Largest ratio of text to value: `\uffff` for a character of two bytes. */
const textFactor = 3

/** Bytes of a place in an array or object: a number as text, punctuated, is below `textFactor` times that. */
const slotBytes = 16

interface Size {
  bytes: number
}

const arrayOf = (array: ReadonlyArray<unknown>, size: Size, depth: number): unknown => {
  const copy: Array<unknown> = []
  for (let i = 0; i < array.length; i++) {
    const item = copyOf(array[i], size, depth)
    if (item === undefined) return undefined
    copy.push(item)
  }
  return copy
}

const objectOf = (object: Readonly<Record<string, unknown>>, size: Size, depth: number): unknown => {
  const copy: Record<string, unknown> = {}
  for (const key of Object.keys(object)) {
    const value = object[key]
    if (value === undefined) continue
    if (key === "__proto__") return undefined
    size.bytes += 2 * key.length
    const item = copyOf(value, size, depth)
    if (item === undefined) return undefined
    copy[key] = item
  }
  return copy
}

const isPlain = (object: object): object is Readonly<Record<string, unknown>> => {
  const prototype: unknown = Object.getPrototypeOf(object)
  return prototype === Object.prototype || prototype === null
}

/** Returns the value that its text would parse to; undefined when the text would differ, or the value is too large. */
const copyOf = (value: unknown, size: Size, depth: number): unknown => {
  size.bytes += slotBytes
  if (size.bytes > valueBytesMax) return undefined
  switch (typeof value) {
    case "string":
      size.bytes += 2 * value.length
      return value
    case "number":
      // The text of -0 is 0.
      return Number.isFinite(value) ? value + 0 : undefined
    case "boolean":
      return value
    case "object": {
      if (value === null) return value
      if (depth === 0 || "toJSON" in value) return undefined
      if (Array.isArray(value)) return arrayOf(value, size, depth - 1)
      return isPlain(value) ? objectOf(value, size, depth - 1) : undefined
    }
    default:
      return undefined
  }
}

/** Copies a JSON value; undefined for one that travels as text. */
export const copy = (json: unknown): Value | undefined => {
  const size: Size = { bytes: 0 }
  const copied = copyOf(json, size, depthMax)
  return copied === undefined || size.bytes > valueBytesMax ? undefined : new Value(copied, size.bytes)
}

export const areBytes = (messages: NonEmptyReadonlyArray<Message>): messages is NonEmptyReadonlyArray<Uint8Array> =>
  messages.every((message) => !(message instanceof Value))

/** Returns the bytes of a message. */
export const bytesOf = (message: Message): Uint8Array =>
  message instanceof Value ? Utf8.encode(JSON.stringify(message.json)) : message

/** Returns the size of a message above `bytesMax`, in bytes; undefined otherwise. */
export const bytesAbove = (message: Message, bytesMax: number): number | undefined => {
  if (message.byteLength * (message instanceof Value ? textFactor : 1) <= bytesMax) return undefined
  const { byteLength } = bytesOf(message)
  return byteLength > bytesMax ? byteLength : undefined
}

/** Returns the size of the first message above `bytesMax`, in bytes; undefined when there is none. */
export const firstAbove = (messages: ReadonlyArray<Message>, bytesMax: number): number | undefined => {
  for (const message of messages) {
    if (message.byteLength * textFactor <= bytesMax) continue
    const above = bytesAbove(message, bytesMax)
    if (above !== undefined) return above
  }
  return undefined
}
