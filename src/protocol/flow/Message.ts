/**
 * A message on its way: its bytes, or within the process the JSON value that those would be the text of.
 *
 * A value is a copy and shared with nobody: what `JSON.parse` gives for its text, without the text.
 * Units: the `byteLength` of a value is about what it takes in memory; its text takes at most three times as many bytes.
 * Bounds: what takes more than `valueBytesMax` bytes, or is nested deeper than `depthMax`, travels as text.
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

/** What text takes of what a value takes, at most: `\uffff` for a character of two bytes. */
const textFactor = 3

/** What a place in an array or an object takes: a number as text, with what is around it, is less than `textFactor` times that. */
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

/** What its text would give again; undefined for what the text says otherwise, or what is too large. */
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

/** A copy of a JSON value; undefined for one that travels as text. */
export const copy = (json: unknown): Value | undefined => {
  const size: Size = { bytes: 0 }
  const copied = copyOf(json, size, depthMax)
  return copied === undefined || size.bytes > valueBytesMax ? undefined : new Value(copied, size.bytes)
}

export const areBytes = (messages: NonEmptyReadonlyArray<Message>): messages is NonEmptyReadonlyArray<Uint8Array> =>
  messages.every((message) => !(message instanceof Value))

/** The bytes of a message, wherever it goes. */
export const bytesOf = (message: Message): Uint8Array =>
  message instanceof Value ? Utf8.encode(JSON.stringify(message.json)) : message

/** How many bytes a message has, if those are more than so many; undefined otherwise. */
export const bytesAbove = (message: Message, bytesMax: number): number | undefined => {
  if (message.byteLength * (message instanceof Value ? textFactor : 1) <= bytesMax) return undefined
  const { byteLength } = bytesOf(message)
  return byteLength > bytesMax ? byteLength : undefined
}

/** As `bytesAbove`, of the first one that has more. */
export const firstAbove = (messages: ReadonlyArray<Message>, bytesMax: number): number | undefined => {
  for (const message of messages) {
    if (message.byteLength * textFactor <= bytesMax) continue
    const above = bytesAbove(message, bytesMax)
    if (above !== undefined) return above
  }
  return undefined
}
