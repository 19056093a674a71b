/**
 * How many messages a protobuf message holds, before anybody reads it: each of them may be two bytes, and takes as long to
 * decode as a hundred of other bytes do. An entry of a map counts as one, and so does a field that its reader does not
 * know, which is kept as an object as well.
 *
 * Cost: none for what is too short to be beyond the bound, and a look at each field of the others, not at what is in it.
 * What is no protobuf is left to its decoder.
 */
import type { DescMessage } from "@bufbuild/protobuf"
import { BinaryReader, WireType } from "@bufbuild/protobuf/wire"
import { Result } from "effect"

/** Messages within one, at any depth. */
export const messagesMax = 131_072

/** A message without fields is a tag and a length. */
const bytesMin = 2 * messagesMax

/** Fields by their numbers: those that hold messages with what these hold, and "value" for all others. */
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

/** What of a message is beyond the bound; undefined of one that keeps to it. */
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
