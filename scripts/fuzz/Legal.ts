/** Legal inputs: golden vectors, and what this code itself would send. */
import { Result } from "effect"
import * as Envelope from "../../src/protocol/flow/Envelope.ts"
import * as Label from "../../src/protocol/memberlist/Label.ts"
import * as HostMeta from "../../src/protocol/names/HostMeta.ts"
import * as NameRecords from "../../src/protocol/names/NameRecords.ts"
import * as flow from "../../test/vectors/flow.ts"
import * as memberlist from "../../test/vectors/memberlist.ts"

export const text = (string: string): Uint8Array => new TextEncoder().encode(string)
const unhex = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, "hex"))
const all = (vectors: Readonly<Record<string, string>>): ReadonlyArray<Uint8Array> => Object.values(vectors).map(unhex)

const join = (parts: ReadonlyArray<Uint8Array>): Uint8Array => Uint8Array.from(Buffer.concat(parts))

export const messages = all(memberlist.messages)
export const packets = [...messages, ...all(memberlist.framed)]
export const encrypted = all(memberlist.encrypted)
export const label = Label.fromString("prod")

/** Frames of whole lives of flows, one side of each, in envelopes. */
const side = (from: "caller" | "host"): ReadonlyArray<Uint8Array> =>
  flow.lives.map(([, steps]) =>
    join(steps.filter(([who]) => who === from).map(([, , hex]) => Envelope.wrap(unhex(hex))))
  )

export const frames = flow.lives.flatMap(([, steps]) => steps.map(([, , hex]) => unhex(hex)))
export const calls = side("caller")
export const answers = side("host").map((bytes) => join([bytes, Envelope.goodEnd]))

const record: NameRecords.NameRecord = {
  host: "h1",
  generation: 1_700_000_000_000_000,
  version: 3,
  name: "chat.lobby",
  ownership: "unique",
  contract: 0x0123456789abcdefn,
  isTombstone: false
}

export const records = [
  NameRecords.encode([record]),
  NameRecords.encode([
    { ...record, name: "a", version: 4, isTombstone: true },
    { ...record, host: "h2", name: "b", ownership: "group", compatible: [1n, 2n] }
  ]),
  NameRecords.encode([], {
    digest: {
      sender: "h1",
      isAsking: true,
      first: "",
      until: "",
      hosts: [{ host: "h1", generation: 1_700_000_000_000_000, complete: 3, ahead: 0, mark: 7 }]
    }
  }),
  NameRecords.encode([record], {
    delta: {
      sender: "h1",
      hasMore: false,
      ranges: [{ host: "h1", generation: 1_700_000_000_000_000, after: 0, until: 3 }]
    }
  })
]

export const metas = [
  { flowPort: 7947, generation: 1_700_000_000_000_000, locality: "eu/fra/rack-7", tags: { zone: "a", role: "api" } },
  { flowPort: 0, generation: 1, locality: "", tags: {}, epoch: 3 }
].map((meta) => Result.getOrThrow(HostMeta.encode(meta)))
