/** A host whose machine gets another address. */
import { assert, it } from "vitest"
import * as Host from "./Host.ts"
import { until } from "./Lines.ts"
import * as Net from "./Net.ts"
import { describeNet } from "./Suite.ts"

/** How long the others may take to call a host where it is by now. */
const movedMillis = 30_000

const device = (host: number): string => `moving${host}`

/** The two namespaces joined by a wire of the kernel, on which addresses may change. */
const wired = (net: Net.Net): Net.Net => {
  const [, , , other = ""] = net.command(1, [])
  for (const host of [0, 1]) net.run(host, ["ip", "address", "flush", "dev", "tun0"])
  net.run(0, ["ip", "link", "add", device(0), "type", "veth", "peer", "name", device(1), "netns", other])
  for (const host of [0, 1]) {
    net.run(host, ["ip", "address", "add", `10.78.0.${host + 1}/24`, "dev", device(host)])
    net.run(host, ["ip", "link", "set", device(host), "up"])
  }
  return { ...net, address: (host) => `10.78.0.${host + 1}` }
}

describeNet("a host whose address changes", () => {
  it("says where it is by now, and is called there", { timeout: 180_000 }, async () => {
    const net = await Net.open({ hosts: 2 })
    try {
      const both = wired(net)
      const everywhere = { address: "0.0.0.0" }
      const [caller, mover] = [await Host.start(both, 0, everywhere), await Host.start(both, 1, everywhere)]
      await Host.allSee([caller, mover])
      assert.isUndefined((await caller.connect(mover.name)).failure)
      for (const [from, to] of [
        [2, 12],
        [12, 22]
      ]) {
        net.run(1, ["ip", "address", "del", `10.78.0.${from}/24`, "dev", device(1)])
        net.run(1, ["ip", "address", "add", `10.78.0.${to}/24`, "dev", device(1)])
        await until(
          `a call at 10.78.0.${to}`,
          movedMillis,
          async () => (await caller.connect(mover.name, "hold", 2_000)).failure === undefined
        )
        const said = mover.events.flatMap((event) => ("log" in event ? [event.log] : []))
        assert.include(said.join("\n"), `the address of this host is 10.78.0.${to}:7946 by now`)
      }
      await Promise.all([caller.kill(), mover.kill()])
    } finally {
      await net.down()
    }
  })
})
