/** NATS: one publisher and one subscriber on a broker of their own, typed messages as JSON. It has no batches. */
import { spawn, spawnSync } from "node:child_process"
import { createInterface } from "node:readline"
import { type Msg, connect as open } from "@nats-io/transport-node"
import { type Candidate, type Client, timed } from "../Candidate.ts"
import { type Receipt, Tally } from "../Load.ts"

/**
 * A publisher is never held back, and the broker drops a subscriber that is 64 MiB behind. So now and then ours waits for
 * the subscriber to have caught up.
 */
const aheadMax = 8 * 1024 * 1024

const missing = () =>
  spawnSync("nats-server", ["--version"]).error === undefined
    ? undefined
    : "nats-server is not installed; bench/setup.sh installs it"

const serve = async () => {
  const broker = spawn("nats-server", ["-a", "127.0.0.1", "-p", "-1"], { stdio: ["ignore", "ignore", "pipe"] })
  let address = ""
  for await (const line of createInterface(broker.stderr)) {
    address = /Listening for client connections on (\S+)/.exec(line)?.[1] ?? ""
    if (address !== "") break
  }
  broker.stderr.resume()
  const connection = await open({ servers: address })
  let tally = new Tally()
  connection.subscribe("sink", { callback: (_, message) => tally.add(message.data) })
  connection.subscribe("hear", { callback: (_, message) => tally.addSaid(message.json()) })
  const answer = (subject: string, payload: (message: Msg) => Uint8Array | string) =>
    connection.subscribe(subject, { callback: (_, message) => void message.respond(payload(message)) })
  answer("echo", ({ data }) => data)
  answer("count", () => JSON.stringify(tally.receipt))
  answer("reset", () => {
    tally = new Tally()
    return ""
  })
  await connection.flush()
  return { address, stop: () => broker.kill() }
}

const connect = async (address: string): Promise<Client> => {
  const connection = await open({ servers: address })
  const ask = (subject: string) => connection.request(subject, undefined, { timeout: 60_000 })
  const sending = async <A>(
    subject: string,
    rounds: number,
    messages: ReadonlyArray<A>,
    encode: (message: A) => Uint8Array | string
  ): Promise<Receipt> => {
    await ask("reset")
    let ahead = 0
    for (let round = 0; round < rounds; round++)
      for (const message of messages) {
        const payload = encode(message)
        connection.publish(subject, payload)
        ahead += payload.length
        if (ahead < aheadMax) continue
        await ask("count")
        ahead = 0
      }
    return (await ask("count")).json()
  }
  return {
    send: (load) => sending("sink", load.rounds, load.bytes, (message) => message),
    sendTyped: (load) => sending("hear", load.rounds, load.said, (said) => JSON.stringify(said)),
    pingPong: (load, trips) => timed(trips, () => connection.request("echo", load.bytes[0]))
  }
}

export const candidates: ReadonlyArray<Candidate> = [
  { name: "NATS", rows: ["send", "large", "typed", "ping-pong"], missing, serve, connect }
]
