/** The paths on which hosts are run: what a link is told, and what a load on it should know. */
import { readFileSync } from "node:fs"
import type { Link, Net } from "./Net.ts"

export interface Path {
  /** 0 for no limit. */
  readonly bitsPerSecond: number
  readonly roundTripMillis: number
  readonly loss: number
  /** Whether sockets of TCP have the smallest buffers that the kernel takes. */
  readonly hasSmallBuffers: boolean
}

export const make = (path: Partial<Path>): Path => ({
  bitsPerSecond: 0,
  roundTripMillis: 0,
  loss: 0,
  hasSmallBuffers: false,
  ...path
})

/** What waits for the rate: half a second of it, as small routers have, within these bounds. */
const queue = { seconds: 0.5, bytesMin: 32 * 1024, bytesMax: 256 * 1024 } as const

/** The link in each direction. */
export const linkOf = ({ bitsPerSecond, loss, roundTripMillis }: Path): Link => ({
  bitsPerSecond,
  delayMillis: roundTripMillis / 2,
  loss,
  queueBytes: Math.min(queue.bytesMax, Math.max(queue.bytesMin, (bitsPerSecond / 8) * queue.seconds))
})

const rateName = (bitsPerSecond: number): string => {
  if (bitsPerSecond === 0) return "no limit"
  return bitsPerSecond < 1e6 ? `${bitsPerSecond / 1e3} kbit/s` : `${bitsPerSecond / 1e6} Mbit/s`
}

export const nameOf = ({ bitsPerSecond, hasSmallBuffers, loss, roundTripMillis }: Path): string =>
  [
    rateName(bitsPerSecond),
    `${roundTripMillis} ms`,
    ...(loss === 0 ? [] : [`${loss * 100} % loss`]),
    ...(hasSmallBuffers ? ["smallest buffers"] : [])
  ].join(", ")

/** The size of the messages: on a slow path a message of the usual size would be seconds on its way. */
export const messageBytesOf = ({ bitsPerSecond }: Path): number =>
  bitsPerSecond > 0 && bitsPerSecond <= 1e6 ? 4_000 : 32_000

/** Until flows have found their speed: some round trips, and on a slow path all that buffers take first. */
export const warmMillisOf = ({ bitsPerSecond, roundTripMillis }: Path): number =>
  2_000 + 6 * roundTripMillis + (bitsPerSecond > 0 && bitsPerSecond <= 1e6 ? 3_000 : 0)

/** The largest that a socket buffer may be where it is to be the smallest. */
const smallestBytes = 4096

const settings = ["net.ipv4.tcp_rmem", "net.ipv4.tcp_wmem"] as const

/** Gives the sockets of TCP that are opened from now on the smallest buffers, or those that they have outside the lab. */
export const setBuffers = (net: Net, size: "smallest" | "usual"): void => {
  for (const name of settings) {
    const usual = readFileSync(`/proc/sys/${name.replaceAll(".", "/")}`, "utf8").trim()
    const value = size === "usual" ? usual : `${smallestBytes} ${smallestBytes} ${smallestBytes}`
    for (let host = 0; host < net.hosts; host++) net.sysctl(host, name, value)
  }
}
