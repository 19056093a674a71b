/** Bulk in both directions on one path for a long time, one line a minute. */
import * as Lab from "../../test/net/Lab.ts"
import { sleep } from "../../test/net/Lines.ts"
import * as Path from "../../test/net/Path.ts"
import type { Arguments } from "./Arguments.ts"
import { begin, number } from "./Table.ts"

/** True if no flow was lost, and nothing crashed. */
export const soak = async ({ flows, loss, minutes, rate, roundTripMillis, seed }: Arguments): Promise<boolean> => {
  const path = Path.make({ bitsPerSecond: rate * 1e6, roundTripMillis, loss })
  process.stdout.write(`${Path.nameOf(path)}: ${flows} flows in both directions, ${minutes} minutes\n\n`)
  const lab = await Lab.open({ hosts: 2, seed })
  const [caller, peer] = await Lab.startPair(lab)
  await lab.net.both(0, 1, Path.linkOf(path))
  const messageBytes = Path.messageBytesOf(path)
  await caller.open("duplex", { kind: "duplex", to: peer.name, flows, messageBytes, isKept: true })
  await sleep(1_000)
  const table = begin("minute:", "MB/s out:", "MB/s back:", "open:", "longest silence, ms:", "lost so far:")
  let before = await Lab.moved(caller, peer, "duplex", "duplex")
  for (let left = minutes; left > 0; left -= 1) {
    await sleep(Math.min(1, left) * 60_000)
    const now = await Lab.moved(caller, peer, "duplex", "duplex")
    const seconds = (now.atMillis - before.atMillis) / 1000
    table.row(
      number(minutes - left + Math.min(1, left)),
      number((now.out - before.out) / 1e6 / seconds),
      number((now.back - before.back) / 1e6 / seconds),
      now.flows,
      Math.round(now.silenceMillis),
      caller.lost().length
    )
    before = now
    await Promise.all([caller.mark(), peer.mark()])
  }
  const lost = caller.lost()
  const crashes = [...caller.crashes(), ...peer.crashes()]
  await lab.down()
  for (const [what, times] of Object.entries(Lab.tally(...lost))) process.stdout.write(`${times} x ${what}\n`)
  for (const crash of crashes) process.stdout.write(`crash: ${crash}\n`)
  process.stdout.write(`\n${lost.length} flows lost, ${crashes.length} uncaught exceptions\n`)
  return lost.length === 0 && crashes.length === 0
}
