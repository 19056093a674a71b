/** Bare sockets on a path, asked from a test. */
import type { Schema } from "effect"
import { type Child, spawn } from "./Child.ts"
import { sleep } from "./Lines.ts"
import type { Net } from "./Net.ts"
import { Arrived, Datagrams, Done, Happened, type Order } from "./SocketOrders.ts"

export interface Sockets {
  readonly child: Child
  readonly serve: () => Promise<unknown>
  readonly datagrams: (to: string, count: number, bytes: number, pauseMillis: number) => Promise<typeof Datagrams.Type>
  /** Opens a connection and keeps it by this name. */
  readonly hold: (to: string, name: string, patienceMillis: number) => Promise<typeof Happened.Type>
  /** Sends a byte on it, and waits for it to come back. */
  readonly echo: (name: string, patienceMillis: number) => Promise<typeof Happened.Type>
}

const ask = <A>(child: Child, order: typeof Order.Type, answer: Schema.Codec<A, unknown>, millis = 0): Promise<A> =>
  child.ask(order, answer, millis + 60_000)

export const start = (net: Net, host: number): Sockets => {
  const child = spawn({ net, host, program: "sockets.ts" })
  return {
    child,
    serve: () => ask(child, { do: "serve" }, Done),
    datagrams: (to, count, bytes, pauseMillis) =>
      ask(child, { do: "datagrams", to, count, bytes, pauseMillis }, Datagrams, count * (pauseMillis + 5)),
    hold: (to, name, patienceMillis) => ask(child, { do: "hold", to, name, patienceMillis }, Happened, patienceMillis),
    echo: (name, patienceMillis) => ask(child, { do: "echo", name, patienceMillis }, Happened, patienceMillis)
  }
}

export interface Speed {
  readonly megabytesOut: number
  readonly megabytesBack: number
}

/** What one bare TCP connection carries from one host to another, once it has had so long to find its speed; MB per second. */
export const speed = async (
  from: Sockets,
  to: Sockets,
  address: string,
  { bothWays, millis, warmMillis }: { readonly bothWays: boolean; readonly millis: number; readonly warmMillis: number }
): Promise<Speed> => {
  const streaming = ask(
    from.child,
    { do: "stream", to: address, millis: warmMillis + millis, bothWays },
    Done,
    warmMillis + millis
  )
  const look = () => Promise.all([to, from].map(({ child }) => ask(child, { do: "arrived" }, Arrived)))
  await sleep(warmMillis)
  const before = await look()
  await sleep(millis - 200)
  const after = await look()
  await streaming
  const [out = 0, back = 0] = after.map(({ bytes, millis }, i) => {
    const start = before[i]
    return start === undefined ? 0 : (bytes - start.bytes) / 1e3 / (millis - start.millis)
  })
  return { megabytesOut: out, megabytesBack: back }
}
