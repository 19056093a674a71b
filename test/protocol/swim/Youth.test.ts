/** A host that has just started and whose clock is behind: its life begins after those that it comes after. */
import { assert, describe, it } from "@effect/vitest"
import { Option, Result } from "effect"
import type { NodeState } from "../../../src/protocol/memberlist/Message.ts"
import * as HostMeta from "../../../src/protocol/names/HostMeta.ts"
import * as Life from "../../../src/protocol/names/Life.ts"
import * as Config from "../../../src/protocol/swim/Config.ts"
import { addressOf, feed, type Harness, make, nodeOf, selfAddress } from "./Harness.ts"

const start = Life.firstPlausible + 1e15
const hour = 3_600_000_000

const metaOf = (generation: number): Uint8Array =>
  Result.getOrThrow(HostMeta.encode({ flowPort: 0, generation, locality: "", tags: {} }))

const young = (generation: number): Harness =>
  make({ meta: metaOf(generation), rules: Config.careful, settings: Config.swift, lives: HostMeta.lives })

const lifeOf = ({ state }: Harness): number | undefined =>
  Option.getOrUndefined(HostMeta.decode(state.self.member.meta))?.generation

/** The member that was asked says what it knows: itself, and these. */
const hear = (host: Harness, seedLife: number, ...nodes: ReadonlyArray<NodeState>) =>
  feed(host, {
    _tag: "Merge",
    join: true,
    from: addressOf(0),
    nodes: [nodeOf("m0", 1, "alive", addressOf(0), { meta: metaOf(seedLife) }), ...nodes]
  })

const former = (generation: number, state: NodeState["state"] = "dead") =>
  nodeOf("self", 3, state, selfAddress, { meta: metaOf(generation) })
const other = (generation: number) => nodeOf("m1", 1, "alive", addressOf(1), { meta: metaOf(generation) })

describe("a host that joins", () => {
  it.each(["alive", "dead", "left", "suspect"] as const)("begins after a later life of its own name, %s", (state) => {
    const host = young(start)
    hear(host, start - hour, former(start + hour, state))
    assert.strictEqual(lifeOf(host), start + hour + 1)
  })

  it("begins after all that began in its own future, when its clock is behind", () => {
    for (const own of [1_000_000, start - hour]) {
      const host = young(own)
      hear(host, start, other(start + 5))
      assert.strictEqual(lifeOf(host), start + 6)
    }
  })

  it("keeps its life when the clocks differ by less than a minute", () => {
    const host = young(start)
    hear(host, start + 59_000_000, former(start - 1), other(start + 1))
    assert.strictEqual(lifeOf(host), start)
  })

  it("is not led to where no life can be, nor by who has not answered", () => {
    const host = young(start)
    hear(host, start, other(start + 2 * Life.aheadMax), former(Number.MAX_SAFE_INTEGER))
    assert.strictEqual(lifeOf(host), start)
    feed(host, { _tag: "Merge", join: true, nodes: [other(start + hour)] })
    assert.strictEqual(lifeOf(host), start)
  })

  it("keeps its life once it is no longer young", () => {
    const host = young(start)
    host.now = Life.youngMillis
    hear(host, start, former(start + hour), other(start + hour))
    assert.strictEqual(lifeOf(host), start)
  })
})
