/** What flows carry on many paths, beside one bare TCP connection on the same path in the same run. */
import { readFileSync } from "node:fs"
import { availableParallelism } from "node:os"
import * as Lab from "../../test/net/Lab.ts"
import * as Path from "../../test/net/Path.ts"
import * as Sockets from "../../test/net/Sockets.ts"
import { type Arguments, isAsked } from "./Arguments.ts"
import { begin, number } from "./Table.ts"

interface Row {
  readonly path: Path.Path
  readonly flows: number
  readonly bothWays: boolean
}

type Numbers = ReadonlyArray<number>

/** Rows of one path: so many flows in both directions, and so many in one. */
const rowsOn = (path: Partial<Path.Path>, both: Numbers, oneWay: Numbers = []): ReadonlyArray<Row> => [
  ...both.map((flows) => ({ path: Path.make(path), flows, bothWays: true })),
  ...oneWay.map((flows) => ({ path: Path.make(path), flows, bothWays: false }))
]

const rows: ReadonlyArray<Row> = [
  ...rowsOn({ bitsPerSecond: 256e3, roundTripMillis: 50 }, [1, 16]),
  ...rowsOn({ bitsPerSecond: 256e3, roundTripMillis: 150 }, [], [16]),
  ...rowsOn({ bitsPerSecond: 1e6, roundTripMillis: 50 }, [16, 60], [16]),
  ...rowsOn({ bitsPerSecond: 1e6, roundTripMillis: 600, loss: 0.02 }, [16]),
  ...rowsOn({ bitsPerSecond: 20e6, roundTripMillis: 1 }, [16]),
  ...rowsOn({ bitsPerSecond: 20e6, roundTripMillis: 50 }, [1, 60], [60]),
  ...rowsOn({ bitsPerSecond: 20e6, roundTripMillis: 150, loss: 0.02 }, [16]),
  ...rowsOn({ bitsPerSecond: 100e6, roundTripMillis: 1 }, [60]),
  ...rowsOn({ bitsPerSecond: 100e6, roundTripMillis: 50 }, [16, 300], [16]),
  ...rowsOn({ bitsPerSecond: 100e6, roundTripMillis: 600 }, [16]),
  ...rowsOn({ roundTripMillis: 1 }, [1, 16, 60, 300], [1, 300]),
  ...rowsOn({ roundTripMillis: 50 }, [16, 60]),
  ...rowsOn({ roundTripMillis: 150 }, [16], [16]),
  ...rowsOn({ roundTripMillis: 600, loss: 0.02 }, [16]),
  ...rowsOn({ roundTripMillis: 1, hasSmallBuffers: true }, [16], [16]),
  ...rowsOn({ bitsPerSecond: 20e6, roundTripMillis: 50, hasSmallBuffers: true }, [16])
]

const nameOf = ({ bothWays, flows, path }: Row): string =>
  `${Path.nameOf(path)}, ${flows} ${flows === 1 ? "flow" : "flows"}, ${bothWays ? "both ways" : "one way"}`

const bare = async (lab: Lab.Lab, { bothWays, path }: Row, seconds: number): Promise<Sockets.Speed> => {
  const [from, to] = [Sockets.start(lab.net, 0), Sockets.start(lab.net, 1)]
  await to.serve()
  const warmMillis = Path.warmMillisOf(path)
  const speed = await Sockets.speed(from, to, lab.net.address(1), { bothWays, warmMillis, millis: seconds * 1000 })
  await Promise.all([from.child.kill(), to.child.kill()])
  return speed
}

/** True if no flow was lost, and nothing crashed. */
export const paths = async (asked: Arguments): Promise<boolean> => {
  const chosen = rows.filter((row) => isAsked(asked, nameOf(row)))
  if (chosen.length === 0) throw new Error(`no row has that in its name; there are ${rows.map(nameOf).join("; ")}`)
  const congestion = readFileSync("/proc/sys/net/ipv4/tcp_congestion_control", "utf8").trim()
  process.stdout.write(
    `Node ${process.version}, ${availableParallelism()} processors, ${congestion}, ${asked.seconds} s a row; MB a second.\n\n`
  )
  const table = begin("path, load", "out:", "back:", "bare out:", "bare back:", "longest silence, ms:", "lost:", "why")
  const lab = await Lab.open({ hosts: 2, seed: asked.seed })
  const bareSpeeds = new Map<string, Sockets.Speed>()
  let isFine = true
  for (const row of chosen) {
    const { bothWays, flows, path } = row
    Path.setBuffers(lab.net, path.hasSmallBuffers ? "smallest" : "usual")
    await lab.net.both(0, 1, Path.linkOf(path))
    const key = `${Path.nameOf(path)} ${bothWays}`
    const limit = bareSpeeds.get(key) ?? (await bare(lab, row, asked.seconds))
    bareSpeeds.set(key, limit)
    await lab.net.reset()
    const [caller, peer] = await Lab.startPair(lab)
    await lab.net.both(0, 1, Path.linkOf(path))
    const result = await Lab.run(caller, peer, {
      kind: bothWays ? "duplex" : "sink",
      to: peer.name,
      flows,
      messageBytes: Path.messageBytesOf(path),
      warmMillis: Path.warmMillisOf(path),
      seconds: asked.seconds
    })
    await lab.clear()
    const why = [...new Set(result.lost.map(({ detail, reason }) => `${reason}: ${detail}`)), ...result.crashes]
    isFine &&= why.length === 0
    table.row(
      nameOf(row),
      number(result.megabytesOut),
      bothWays ? number(result.megabytesBack) : "",
      number(limit.megabytesOut),
      bothWays ? number(limit.megabytesBack) : "",
      Math.round(result.silenceMillis),
      result.lost.length,
      why.join("; ").replaceAll(/[|\n]/g, " ")
    )
  }
  await lab.down()
  return isFine
}
