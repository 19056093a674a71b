/** What all lives of all hosts have told of their exchanges. */
import type { Host } from "../../test/net/Host.ts"
import type { NumbersSeen } from "../../test/net/HostOrders.ts"

type Seen = typeof NumbersSeen.Type

export interface Ledger {
  readonly faults: Array<string>
  /** The last word of each life that is over. */
  readonly closed: Array<Seen>
  readonly last: Map<Host, Seen>
  readonly crashes: Array<string>
  /** What must not be, but for what the hosts found themselves. */
  readonly wrongs: Array<string>
}

export const make = (): Ledger => ({ faults: [], closed: [], last: new Map(), crashes: [], wrongs: [] })

/** Takes what a host knows by now. One that does not answer, as when it is stopped, has said its last before. */
export const enter = async (ledger: Ledger, host: Host): Promise<void> => {
  const seen = await host.numbersSeen().catch(() => undefined)
  if (seen !== undefined) ledger.last.set(host, seen)
}

/** The life of a host is over. */
export const close = (ledger: Ledger, host: Host): void => {
  const seen = ledger.last.get(host)
  if (seen !== undefined) ledger.closed.push(seen)
  ledger.last.delete(host)
  ledger.crashes.push(...host.crashes().map((crash) => `${host.name}: ${crash}`))
}

/** Exchanges that have ended well, by caller and peer. */
export const pairs = async (hosts: ReadonlyArray<Host>): Promise<ReadonlyMap<string, number>> => {
  const counts = new Map<string, number>()
  for (const host of hosts) {
    const { exchangesWith } = await host.numbersSeen()
    for (const { name } of hosts)
      if (name !== host.name) counts.set(`${host.name} with ${name}`, exchangesWith[name] ?? 0)
  }
  return counts
}

const count = (words: Iterable<string>): ReadonlyMap<string, number> => {
  const counts = new Map<string, number>()
  for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1)
  return counts
}

/** Exchanges of which the caller was told that nothing was delivered, and of which the endpoint has seen a message. */
const lies = ({ closed }: Ledger): ReadonlyArray<string> => {
  const seen = new Set(closed.flatMap((life) => life.seen))
  return closed.flatMap(({ undelivered }) => undelivered.filter((exchange) => seen.has(exchange)))
}

const wrongsOf = (ledger: Ledger): ReadonlyArray<string> => [
  ...ledger.crashes.map((crash) => `uncaught: ${crash}`),
  ...ledger.closed.flatMap(({ violations }) => violations),
  ...lies(ledger).map((exchange) => `${exchange} was told delivered: no, and a message of it was seen`),
  ...ledger.wrongs
]

export const isClean = (ledger: Ledger): boolean => wrongsOf(ledger).length === 0

/** How many wrongs are printed. */
const wrongsMax = 50

export const report = (ledger: Ledger): string => {
  const { closed, crashes, faults } = ledger
  const sum = (of: (seen: Seen) => number) => closed.reduce((all, seen) => all + of(seen), 0)
  const failures = new Map<string, number>()
  for (const life of closed)
    for (const [name, times] of Object.entries(life.failures)) failures.set(name, (failures.get(name) ?? 0) + times)
  const list = (counts: ReadonlyMap<string, number>) =>
    [...counts].map(([name, times]) => `${times} ${name}`).join(", ")
  const wrongs = wrongsOf(ledger)
  return [
    `${faults.length} faults: ${list(count(faults))}`,
    `${sum(({ exchanges }) => exchanges)} exchanges ended well, with ${sum(({ messages }) => messages)} messages there and back`,
    `failed by their types: ${list(failures) || "none"}`,
    `${crashes.length} uncaught exceptions, ${wrongs.length} wrongs in all`,
    ...wrongs.slice(0, wrongsMax).map((wrong) => `  ${wrong}`),
    ""
  ].join("\n")
}
