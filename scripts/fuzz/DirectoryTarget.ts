/**
 * The names that one host knows, fed with records, digests and deltas of anybody, with news of members, and time.
 *
 * Laws after each step: what it would give to others can be read, and is what it holds; there are no more records than there
 * may be; the name that it exposes itself is its own.
 */
import { deepStrictEqual } from "node:assert"
import { Option, Result } from "effect"
import * as Directory from "../../src/protocol/names/Directory.ts"
import * as Exchange from "../../src/protocol/names/Exchange.ts"
import * as HostMeta from "../../src/protocol/names/HostMeta.ts"
import * as NameRecords from "../../src/protocol/names/NameRecords.ts"
import * as Random from "../../src/testing/Random.ts"
import * as Legal from "./Legal.ts"
import { reader, step } from "./Program.ts"
import type { Target } from "./Target.ts"

const statuses = ["alive", "suspect", "dead", "left", "forgotten"] as const

const run = (input: Uint8Array): void => {
  const random = Random.make("fuzz")
  let now = 1_000_000
  const host = { id: "self", generation: 5, address: "127.0.0.1", flowPort: 1, locality: "", tags: {} }
  const directory = Directory.make(host, { recordsMax: 512, hostNamesMax: 128 })
  const exchange = Exchange.make(directory, { now, random })
  const feed = (next: Directory.Input): void => {
    Directory.step(directory, next, { now })
  }
  feed({ _tag: "Claim", name: "own", ownership: "group", contract: 1n })
  const check = (): void => {
    const records = Directory.records(directory)
    const again = Result.getOrThrow(NameRecords.decode(NameRecords.encode(records)))
    deepStrictEqual(again.records, records)
    if (directory.foreignRecords > 512) throw new Error(`${directory.foreignRecords} records of others`)
    if (!Directory.resolve(directory, "own").some(({ host }) => host.id === "self"))
      throw new Error("its own name is gone")
    if (Number.isNaN(Exchange.nextDeadline(exchange))) throw new Error("there is no next deadline")
  }
  const program = reader(input)
  while (!program.isOver()) {
    const which = program.byte() % 4
    const detail = program.byte()
    const body = program.bytes()
    now += detail * 10
    if (which === 0) {
      const meta = Option.getOrUndefined(HostMeta.decode(body))
      const status = statuses[detail % statuses.length] ?? "alive"
      const host = meta && {
        id: "h1",
        generation: meta.generation,
        address: "10.0.0.1",
        flowPort: 1,
        locality: "",
        tags: meta.tags
      }
      feed({ _tag: "MemberChanged", id: detail % 2 === 0 ? "h1" : "h2", status, host })
    } else if (which === 1) feed({ _tag: "Tick" })
    else {
      const decoded = NameRecords.decode(body)
      if (Result.isFailure(decoded)) continue
      feed(Exchange.mergeOf(decoded.success, which === 2 ? "gossip" : "state"))
      for (const next of Exchange.inputsOf(decoded.success, detail % 2 === 0))
        Exchange.step(exchange, next, { now, random })
    }
    check()
  }
}

const metas = Legal.metas.map((bytes) => step(0, 0, bytes))
const records = Legal.records.flatMap((bytes) => [step(2, 1, bytes), step(3, 0, bytes)])
const both = metas.flatMap((meta) =>
  records.map((record) => Uint8Array.from([...meta, ...record, ...step(1, 90), ...record]))
)

export const directory: Target = {
  name: "directory",
  says: "names, step by step",
  legal: [...metas, ...records, ...both],
  bytesMax: 8_192,
  bounds: { heapBase: 16 * 1024 * 1024, heapPerByte: 512, millis: 60 },
  run
}
