/** The switch of the lab, measured with bare sockets: what a link is told to do it does, and nothing else. */
import { afterAll, afterEach, assert, beforeAll, it } from "vitest"
import * as Net from "./Net.ts"
import * as Sockets from "./Sockets.ts"
import { describeNet } from "./Suite.ts"

const median = (values: ReadonlyArray<number>): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN

describeNet("the switch of the lab", () => {
  let net: Net.Net
  let here: Sockets.Sockets
  let there: Sockets.Sockets
  let to: string

  beforeAll(async () => {
    net = await Net.open({ hosts: 2 })
    to = net.address(1)
    here = Sockets.start(net, 0)
    there = Sockets.start(net, 1)
    await there.serve()
  })
  afterEach(() => net.reset())
  afterAll(() => net.down())

  it("passes all on at once, unless told otherwise", async () => {
    const { duplicates, late, received, roundTripsMillis } = await here.datagrams(to, 50, 100, 2)
    assert.deepStrictEqual({ duplicates, late, received }, { duplicates: 0, late: 0, received: 50 })
    assert.isBelow(Math.min(...roundTripsMillis), 10)
  })

  it("carries well above 100 MB a second where nothing is to be done to single packets", async () => {
    const { megabytesOut } = await Sockets.speed(here, there, to, { bothWays: false, warmMillis: 500, millis: 2000 })
    assert.isAbove(megabytesOut, 100)
  })

  it("delays, each direction by its own", async () => {
    await net.link(0, 1, { delayMillis: 40 })
    await net.link(1, 0, { delayMillis: 20, jitterMillis: 20 })
    const { roundTripsMillis } = await here.datagrams(to, 50, 100, 2)
    assert.isAtLeast(Math.min(...roundTripsMillis), 59)
    assert.isBelow(median(roundTripsMillis), 100)
  })

  it("loses its share of the packets", async () => {
    await net.link(0, 1, { loss: 0.2 })
    const { received } = await here.datagrams(to, 400, 100, 1)
    assert.isAbove(received, 270)
    assert.isBelow(received, 370)
    const { lost } = await net.stats(0, 1)
    assert.strictEqual(lost, 400 - received)
  })

  it("duplicates, and lets some overtake others", async () => {
    await net.link(0, 1, { duplicates: 0.5, reorder: 0.3, reorderMillis: 20 })
    const { duplicates, late, received } = await here.datagrams(to, 100, 100, 1)
    assert.strictEqual(received, 100)
    assert.isAbove(duplicates, 20)
    assert.isAbove(late, 3)
  })

  it("keeps to a rate, and drops what its queue does not hold", async () => {
    await net.both(0, 1, { bitsPerSecond: 8e6, queueBytes: 32 * 1024 })
    const { megabytesOut } = await Sockets.speed(here, there, to, { bothWays: false, warmMillis: 1000, millis: 3000 })
    assert.isAbove(megabytesOut, 0.5)
    assert.isBelow(megabytesOut, 1.1)
  })

  it("cuts one direction alone", async () => {
    const before = await net.stats(1, 0)
    await net.link(0, 1, { drop: "all" })
    assert.strictEqual((await here.datagrams(to, 5, 100, 1)).received, 0)
    assert.strictEqual((await net.stats(1, 0)).cut, before.cut)
    await net.reset()
    await net.link(1, 0, { drop: "all" })
    assert.strictEqual((await here.datagrams(to, 5, 100, 1)).received, 0)
    assert.isAtLeast((await net.stats(1, 0)).cut, 5)
  })

  it("cuts TCP alone, or UDP alone", async () => {
    await net.both(0, 1, { drop: "tcp" })
    assert.strictEqual((await here.datagrams(to, 5, 100, 1)).received, 5)
    assert.isFalse((await here.hold(to, "cut", 1500)).isSo)
    await net.both(0, 1, { drop: "udp" })
    assert.strictEqual((await here.datagrams(to, 5, 100, 1)).received, 0)
    assert.isTrue((await here.hold(to, "through", 3000)).isSo)
  })

  it("forgets the connections of before, and lets new ones through", async () => {
    await here.hold(to, "old", 3000)
    assert.isTrue((await here.echo("old", 1000)).isSo)
    await net.both(0, 1, { drop: "old" })
    assert.isFalse((await here.echo("old", 1000)).isSo)
    assert.isTrue((await here.hold(to, "new", 3000)).isSo)
    assert.isTrue((await here.echo("new", 1000)).isSo)
  })

  it("drops what is too large, and tells the sender or does not", async () => {
    await net.both(0, 1, { silentMtu: 1280 })
    assert.strictEqual((await here.datagrams(to, 10, 1400, 5)).received, 0)
    assert.strictEqual((await here.datagrams(to, 10, 1000, 5)).received, 10)
    await net.both(0, 1, { silentMtu: 0, mtu: 1280 })
    // Those that were on their way when the sender was told are lost.
    assert.isAtLeast((await here.datagrams(to, 10, 1400, 5)).received, 5)
  })

  it("refuses what it does not know", async () => {
    const refusal = await net.link(0, 1, { loss: Number.NaN }).then(String, String)
    assert.include(refusal, "error: there is no such key, or it takes another value")
  })

  it("repeats its chance with the seed", async () => {
    const lostWith = async (seed: number): Promise<ReadonlyArray<number>> => {
      const other = await Net.open({ hosts: 2, seed })
      const [one, two] = [Sockets.start(other, 0), Sockets.start(other, 1)]
      await two.serve()
      await other.link(0, 1, { loss: 0.5 })
      const { numbers } = await one.datagrams(other.address(1), 40, 100, 5)
      await other.down()
      return numbers
    }
    const first = await lostWith(7)
    assert.deepStrictEqual(await lostWith(7), first)
    assert.notDeepEqual(await lostWith(8), first)
  })
})
