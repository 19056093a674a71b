/** When a host has held: each bound is missed by what goes beyond it alone. */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "vitest"
import * as Kept from "../../scripts/attack/Kept.ts"
import * as Page from "../../scripts/attack/Page.ts"
import * as Turns from "../../scripts/attack/programs/Turns.ts"
import { type Figures, missesOf } from "../../scripts/attack/Verdict.ts"
import { sleep } from "../net/Lines.ts"

const mebi = 2 ** 20

const good: Figures = {
  ...{ name: "a-flood", says: "frames", by: "C", answer: "closed", isSealed: false, seconds: 5 },
  ...{ messages: 0.9, opens: 0.5, names: 1, lost: 0, lostControl: 0, turnMillis: 50, turnMillisControl: 5 },
  ...{ rssPeakBytes: 300 * mebi, rssAfterBytes: 200 * mebi, heapAfterBytes: 100 * mebi, heapControlBytes: 50 * mebi },
  ...{ connections: 8, closed: 8, streamsRefused: 0, counted: { "connections_closed flood": 8 } },
  ...{
    isNamed: true,
    isMember: true,
    buried: 0,
    amplification: 3,
    amplificationMax: 3,
    isJoined: true,
    calls: undefined
  },
  ...{ ended: undefined, linesUnclean: 0, complaints: [], notes: [], attackerCpuSeconds: 1 }
}

describe("a verdict", () => {
  it("is that the host held when all is within its bounds", () => {
    assert.deepStrictEqual(missesOf(good), [])
  })

  const worse: ReadonlyArray<readonly [Partial<Figures>, RegExp]> = [
    [{ messages: 0.49 }, /^good below 50 %$/],
    [{ opens: 0.49 }, /^good below 50 %$/],
    [{ names: 0.49 }, /^good below 50 %$/],
    [{ by: "M", messages: 0.9, opens: 0.79 }, /^good below 80 %$/],
    [{ lost: 1 }, /^1 flows lost$/],
    [{ turnMillis: 50.1 }, /^turn above 50 ms$/],
    [{ turnMillis: Number.POSITIVE_INFINITY }, /^turn above 50 ms$/],
    [{ rssPeakBytes: 1025 * mebi }, /^RSS above 1024 MiB$/],
    [{ by: "O", rssPeakBytes: 513 * mebi }, /^RSS above 512 MiB$/],
    [{ heapAfterBytes: 115 * mebi }, /^heap kept$/],
    [{ isNamed: false }, /^names wrong$/],
    [{ isMember: false }, /^members wrong$/],
    [{ buried: 1 }, /^a live host believed dead$/],
    [{ amplification: 3.1 }, /^more than 3 bytes for one$/],
    [{ isJoined: false }, /^newcomer not let in$/],
    [{ linesUnclean: 1 }, /^log not clean$/],
    [{ closed: 0 }, /^attacker not closed$/],
    [{ counted: {} }, /^closed, not counted$/],
    [{ answer: "counted", counted: {} }, /^not counted$/],
    [{ complaints: ["3 calls failed"] }, /^3 calls failed$/],
    [{ calls: { outcomes: {}, longestMillis: 0 } }, /^nobody called$/],
    [{ calls: { outcomes: { PeerLost: 3, "died of x": 1 }, longestMillis: 9 } }, /^died of x$/],
    [{ calls: { outcomes: { Timeout: 1 }, longestMillis: 10_001 } }, /^a call hung$/],
    [{ ended: "crashed: out of memory" }, /^process crashed/]
  ]
  it.each(worse)("is a miss with %j", (more, says) => {
    const misses = missesOf({ ...good, opens: more.by === "M" ? 0.8 : good.opens, ...more })
    assert.strictEqual(misses.length, 1, misses.join())
    assert.match(misses[0] ?? "", says)
  })

  it("asks nothing of an attacker that keeps to all bounds, and no more than a refusal of its streams", () => {
    assert.deepStrictEqual(missesOf({ ...good, answer: "borne", closed: 0, counted: {} }), [])
    assert.deepStrictEqual(missesOf({ ...good, closed: 0, streamsRefused: 5 }), [])
  })
})

describe("figures that are kept", () => {
  it("take the place of older ones of the same attack alone", () => {
    const folder = mkdtempSync(join(tmpdir(), "grinta-attack-"))
    const file = join(folder, "rows.json")
    const [plain, sealed] = [Kept.rowOf(good), Kept.rowOf({ ...good, isSealed: true })]
    Kept.keep(file, [plain, sealed])
    const again = Kept.rowOf({ ...good, opens: 0.1, turnMillis: Number.POSITIVE_INFINITY })
    Kept.keep(file, [again])
    assert.deepStrictEqual(Kept.read(file), [again, sealed])
    assert.deepInclude(again, { good: 0.1, turnMillis: -1 })
    rmSync(folder, { recursive: true })
  })

  it("become a table between the markers of a page, beside those of before", () => {
    const before = [Kept.rowOf({ ...good, opens: 0.1, rssPeakBytes: 900 * mebi })]
    const table = Page.table([Kept.rowOf(good), Kept.rowOf({ ...good, isSealed: true, lost: 2 })], before)
    const [, , first, second] = table.split("\n")
    assert.strictEqual(
      first,
      "| a-flood | frames | C | plaintext | 10 %, now 50 % | 50, now 50 | 900, now 300 | 3, now 3 | 8 closed, 8 counted | held |"
    )
    assert.match(second ?? "", /keys, TLS \| 50 % \| 50 \| 300 \| 3 \|.*\*\*MISSED\*\*: 2 flows lost/)
    const page = "a\n<!-- attacks -->\nold\n<!-- /attacks -->\nz\n"
    assert.strictEqual(Page.insert(page, "T"), "a\n<!-- attacks -->\n\nT\n\n<!-- /attacks -->\nz\n")
    assert.isUndefined(Page.insert("nothing", "T"))
  })
})

it("a turn of the event loop is as long as its own processor time, not as what it waits", async () => {
  const turns = Turns.watch()
  await sleep(20)
  turns.mark()
  const wait = new Int32Array(new SharedArrayBuffer(4))
  Atomics.wait(wait, 0, 0, 150)
  await sleep(20)
  assert.isBelow(turns.seen().turnMillis, 100)
  assert.strictEqual(turns.seen().turnsLong, 0)
  const used = () => process.threadCpuUsage().user
  const began = used()
  while (used() - began < 120_000);
  await sleep(20)
  assert.isAbove(turns.seen().turnMillis, 110)
  assert.strictEqual(turns.seen().turnsLong, 1)
})
