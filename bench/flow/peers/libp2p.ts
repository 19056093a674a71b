/** js-libp2p: a stream over TCP, noise and yamux. */

import type { Stream } from "@libp2p/interface"
import { noise } from "@libp2p/noise"
import { tcp } from "@libp2p/tcp"
import { yamux } from "@libp2p/yamux"
import { multiaddr } from "@multiformats/multiaddr"
import { createLibp2p } from "libp2p"
import { type Candidate, type Client, timed } from "../Candidate.ts"
import { type Receipt, Tally } from "../Load.ts"

const node = (listen: ReadonlyArray<string>) =>
  createLibp2p({
    addresses: { listen: [...listen] },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()]
  })

const serve = async () => {
  const host = await node(["/ip4/127.0.0.1/tcp/0"])
  await host.handle("/echo", (stream) => {
    stream.addEventListener("message", ({ data }) => stream.send(data))
  })
  // Messages of one size, back to back; the size is in the name of the protocol.
  for (const size of [100, 64 * 1024])
    await host.handle(`/sink/${size}`, async (stream) => {
      const tally = new Tally()
      for await (const chunk of stream) tally.addStream(chunk.subarray(), size)
      stream.send(Buffer.from(JSON.stringify(tally.receipt)))
      await stream.close()
    })
  return { address: String(host.getMultiaddrs()[0]) }
}

const sending = async (stream: Stream, rounds: number, writes: ReadonlyArray<Uint8Array>): Promise<Receipt> => {
  for (let round = 0; round < rounds; round++)
    for (const bytes of writes) if (!stream.send(bytes)) await stream.onDrain()
  await stream.close()
  let text = ""
  for await (const chunk of stream) text += Buffer.from(chunk.subarray()).toString()
  return JSON.parse(text)
}

const connect = async (address: string): Promise<Client> => {
  const host = await node([])
  const open = (protocol: string) => host.dialProtocol(multiaddr(address), protocol)
  return {
    send: async (load) => sending(await open(`/sink/${load.size}`), load.rounds, load.bytes),
    sendAll: async (load) => sending(await open(`/sink/${load.size}`), load.rounds, [Buffer.concat(load.bytes)]),
    pingPong: async (load, trips) => {
      const [message = new Uint8Array()] = load.bytes
      const stream = await open("/echo")
      let missing = 0
      let arrived = () => {}
      stream.addEventListener("message", ({ data }) => {
        missing -= data.byteLength
        if (missing === 0) arrived()
      })
      return await timed(
        trips,
        () =>
          new Promise<void>((resolve) => {
            arrived = resolve
            missing = message.byteLength
            stream.send(message)
          })
      )
    }
  }
}

export const candidates: ReadonlyArray<Candidate> = [
  { name: "libp2p", rows: ["send", "sendAll", "large", "ping-pong"], serve, connect }
]
