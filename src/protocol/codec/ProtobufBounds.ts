/**
 * Bounds the messages within a protobuf message before it is decoded: each may take two bytes, and as long to decode as
 * a hundred bytes of other data. A map entry counts as one message, and so does a field unknown to the schema, which
 * the decoder keeps as an object as well.
 *
 * Cost: none for a message too short to exceed the bound, a step over each field of any other. Malformed protobuf is
 * left to the decoder.
 */
import type { DescMessage } from "@bufbuild/protobuf"
import { BinaryReader, WireType } from "@bufbuild/protobuf/wire"
import { Result } from "effect"

/** Messages within one message, at any depth. */
export const messagesMax = 131_072

/** Shortest message that can exceed `messagesMax`: an empty message is a tag and a length. */
const bytesMin = 2 * messagesMax

/** Fields by number: a thunk of the nested fields for a message or a map, "value" for any other. */
type Fields = ReadonlyMap<number, "value" | (() => Fields)>

const known = new WeakMap<DescMessage, Fields>()

const fieldsOf = (desc: DescMessage): Fields => {
  const made = known.get(desc)
  if (made !== undefined) return made
  const fields = new Map<number, "value" | (() => Fields)>()
  for (const field of desc.fields) {
    const { message, number } = field
    const value = message === undefined ? "value" : () => fieldsOf(message)
    const entry: Fields = new Map([[1, "value"] as const, [2, value] as const])
    fields.set(number, field.fieldKind === "map" ? () => entry : value)
  }
  known.set(desc, fields)
  return fields
}

/** Returns how a message exceeds the bound, for people; undefined when it keeps it. */
export const excess = (desc: DescMessage, bytes: Uint8Array): string | undefined =>
  bytes.byteLength <= bytesMin ? undefined : Result.getOrUndefined(Result.try(() => look(desc, bytes)))

const look = (desc: DescMessage, bytes: Uint8Array): string | undefined => {
  const reader = new BinaryReader(bytes)
  const around: Array<{ readonly fields: Fields; readonly end: number }> = []
  let within = { fields: fieldsOf(desc), end: bytes.byteLength }
  let messages = 0
  while (true) {
    const [number, wireType] = reader.pos < within.end ? reader.tag() : [0, WireType.EndGroup]
    if (wireType === WireType.EndGroup) {
      const outer = around.pop()
      if (outer === undefined) return undefined
      within = outer
      continue
    }
    const field = within.fields.get(number)
    const isHeld = typeof field === "function" && isMessage(wireType)
    if (field !== "value") messages += 1
    if (messages > messagesMax) return `more than ${messagesMax} messages, entries of maps and unknown fields`
    if (isHeld) {
      around.push(within)
      const end = wireType === WireType.StartGroup ? within.end : reader.uint32() + reader.pos
      within = { fields: field(), end }
    } else reader.skip(wireType, number)
  }
}

const isMessage = (wireType: WireType): boolean =>
  wireType === WireType.LengthDelimited || wireType === WireType.StartGroup
