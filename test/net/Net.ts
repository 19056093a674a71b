/**
 * A network of its own: namespaces of the kernel, joined by a switch in user space that spoils what goes between them.
 *
 * Namespaces have the process id in their name, so that what a process that was killed has left can be told from what is in
 * use: it is removed when the next network is made. Nothing outside these namespaces is touched.
 */
import { execFileSync } from "node:child_process"
import { compiled } from "./Compiled.ts"
import { type Lines, start, within } from "./Lines.ts"

/** What a link does to packets of one direction. What is left out stays as it was. */
export interface Link {
  /** Share of the packets that are lost, from 0 to 1. */
  readonly loss?: number
  readonly duplicates?: number
  /** Share of the packets that come up to `reorderMillis` later than those behind them. */
  readonly reorder?: number
  readonly reorderMillis?: number
  readonly delayMillis?: number
  readonly jitterMillis?: number
  /** 0 for no limit. */
  readonly bitsPerSecond?: number
  /** What may wait for the rate; what comes on top is dropped. 256 KiB at the start. */
  readonly queueBytes?: number
  /** What gets through not at all. "old": what is of TCP connections that were opened before. */
  readonly drop?: "none" | "all" | "udp" | "tcp" | "old"
  /** Larger packets are dropped, and their sender is told. */
  readonly mtu?: number
  /** Larger packets are dropped, and nobody is told. */
  readonly silentMtu?: number
}

/** What became of the packets of some links. A segment that a device gave in one piece counts as one. */
export interface Stats {
  readonly passed: number
  readonly bytes: number
  readonly cut: number
  readonly lost: number
  readonly overflown: number
  readonly tooLarge: number
  readonly duplicated: number
  readonly waiting: number
}

/** A host by its number, from 0 on; "*" for all. */
export type Which = number | "*"

/** Where hosts are started. */
export interface Place {
  readonly hosts: number
  readonly address: (host: number) => string
  /** A command as it is run at the place of a host. */
  readonly command: (host: number, command: ReadonlyArray<string>) => ReadonlyArray<string>
}

/**
 * Addresses of this machine, where there are no namespaces: nothing comes between hosts there. They are those of this process,
 * which has one such place at a time.
 */
export const loopback = (hosts: number): Place => ({
  hosts,
  address: (host) => `127.77.${process.pid % 255}.${host + 1}`,
  command: (_host, command) => command
})

export interface Net extends Place {
  /** Runs a command in the namespace of a host; what it printed. */
  readonly run: (host: number, command: ReadonlyArray<string>) => string
  /** Changes what happens on the way from one host to another. */
  readonly link: (from: Which, to: Which, link: Link) => Promise<void>
  /** The same in both directions. */
  readonly both: (one: Which, other: Which, link: Link) => Promise<void>
  /** Every link is as at the start. */
  readonly reset: () => Promise<void>
  readonly stats: (from?: Which, to?: Which) => Promise<Stats>
  /** A setting of the kernel for one namespace, such as net.ipv4.tcp_rmem. */
  readonly sysctl: (host: number, name: string, value: string) => void
  /** Ends the switch and whatever runs in the namespaces, and removes them. */
  readonly down: () => Promise<void>
}

/** How the switch calls what a link may do. */
const keys: ReadonlyArray<readonly [name: keyof Link, key: string]> = [
  ["loss", "loss"],
  ["duplicates", "dup"],
  ["reorder", "reorder"],
  ["reorderMillis", "reorder_ms"],
  ["delayMillis", "delay"],
  ["jitterMillis", "jitter"],
  ["bitsPerSecond", "rate"],
  ["queueBytes", "queue"],
  ["drop", "drop"],
  ["mtu", "mtu"],
  ["silentMtu", "silent"]
]

const ip = (...args: ReadonlyArray<string>): string => execFileSync("ip", args, { encoding: "utf8", stdio: "pipe" })

/** Namespaces of this lab, with the id of the process that made them. */
const owned = (): ReadonlyArray<readonly [name: string, pid: number]> =>
  ip("netns", "list")
    .split("\n")
    .flatMap((line) => {
      const [, name, pid] = /^(gn(\d+)[a-z]+\d*)\b/.exec(line) ?? []
      return name === undefined ? [] : [[name, Number(pid)] as const]
    })

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

/** Removes a namespace, and ends what still runs in it. */
const remove = (name: string): void => {
  for (const pid of ip("netns", "pids", name).split("\n").filter(Boolean)) process.kill(Number(pid), "SIGKILL")
  ip("netns", "del", name)
}

const removeLeftovers = (): void => {
  for (const [name, pid] of owned()) if (!isAlive(pid)) remove(name)
}

const letters = "abcdefghijklmnopqrstuvwxyz"

/** A prefix that is not in use: this process may have several networks. */
const freePrefix = (): string => {
  const taken = owned().map(([name]) => name)
  const prefixes = [...letters].map((letter) => `gn${process.pid}${letter}`)
  const free = prefixes.find((prefix) => !taken.some((name) => name.startsWith(prefix)))
  if (free === undefined) throw new Error("this process has made too many networks, and removed none")
  return free
}

export interface Options {
  readonly hosts: number
  /** Of the switch's chance; a run with the same seed loses the same packets, as far as they come in the same order. */
  readonly seed?: number
  /** Of the devices, in bytes: 1500 unless said otherwise. */
  readonly mtu?: number
}

const startSwitch = async (prefix: string, { hosts, seed = 1 }: Options) => {
  const waiting: Array<(line: string) => void> = []
  const next = () => new Promise<string>((resolve) => waiting.push(resolve))
  const ready = next()
  const lines: Lines = start([compiled(), prefix, String(hosts), String(seed)], (line) => waiting.shift()?.(line))
  await within(5_000, "the start of the switch", ready)
  return {
    ask: async (order: string): Promise<string> => {
      const answer = next()
      lines.write(order)
      const said = await within(60_000, `the switch's answer to "${order}"`, answer)
      if (said.startsWith("error")) throw new Error(`the switch said "${said}" to "${order}"`)
      return said
    },
    close: () => lines.close(2_000)
  }
}

export const open = async (options: Options): Promise<Net> => {
  const { hosts, mtu = 1500 } = options
  removeLeftovers()
  const prefix = freePrefix()
  const names = Array.from({ length: hosts }, (_, host) => `${prefix}${host}`)
  const address = (host: number) => `10.77.0.${host + 1}`
  const nameOf = (host: number): string => names[host] ?? `${prefix}, which has no host ${host}`
  const removeAll = () => {
    for (const [name] of owned()) if (names.includes(name)) remove(name)
  }
  process.once("exit", removeAll)
  for (const name of names) ip("netns", "add", name)
  const wire = await startSwitch(prefix, options)
  for (const [host, name] of names.entries()) {
    ip("-n", name, "link", "set", "lo", "up")
    ip("-n", name, "address", "add", `${address(host)}/24`, "dev", "tun0")
    ip("-n", name, "link", "set", "tun0", "mtu", String(mtu), "txqueuelen", "1000", "up")
  }
  const command: Net["command"] = (host, command) => ["ip", "netns", "exec", nameOf(host), ...command]
  const run: Net["run"] = (host, line) => ip("netns", "exec", nameOf(host), ...line)
  const link: Net["link"] = async (from, to, link) => {
    const said = keys.flatMap(([name, key]) => (link[name] === undefined ? [] : [`${key}=${link[name]}`]))
    await wire.ask(`link ${from} ${to} ${said.join(" ")}`)
  }
  return {
    hosts,
    address,
    command,
    run,
    link,
    both: async (one, other, both) => {
      await link(one, other, both)
      await link(other, one, both)
    },
    reset: async () => {
      await wire.ask("reset")
    },
    stats: async (from = "*", to = "*") => JSON.parse(await wire.ask(`stats ${from} ${to}`)),
    sysctl: (host, name, value) => {
      run(host, ["sh", "-c", 'echo "$1" >"$0"', `/proc/sys/${name.replaceAll(".", "/")}`, value])
    },
    down: async () => {
      await wire.close()
      removeAll()
      process.off("exit", removeAll)
    }
  }
}
