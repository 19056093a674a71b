/** What raw TCP, HTTP/2 and libp2p share: messages of one size, back to back, without a frame around them. */
import { once } from "node:events"
import type { Duplex } from "node:stream"
import { message, type Side } from "./Duplex.ts"
import type { Load, Receipt } from "./Load.ts"
import { Tally } from "./Load.ts"

/** Serves a stream: echoes it, or counts what comes until the other side ends and answers with the receipt. */
export const serveDuplex = (stream: Duplex, mode: string, size: number): void => {
  stream.on("error", () => stream.destroy())
  // A stalled stream is never read.
  if (mode === "stall") return
  if (mode === "echo") {
    stream.on("data", (chunk) => stream.write(chunk))
    return
  }
  const tally = new Tally()
  stream.on("data", (chunk: Uint8Array) => tally.addStream(chunk, size))
  stream.on("end", () => stream.end(JSON.stringify(tally.receipt)))
}

const receiptOf = async (stream: Duplex): Promise<Receipt> => {
  let text = ""
  for await (const chunk of stream.setEncoding("utf8")) text += chunk
  return JSON.parse(text)
}

const sendWrites = async (stream: Duplex, rounds: number, writes: ReadonlyArray<Uint8Array>): Promise<Receipt> => {
  for (let round = 0; round < rounds; round++)
    for (const bytes of writes) if (!stream.write(bytes)) await once(stream, "drain")
  stream.end()
  return await receiptOf(stream)
}

export const send = (stream: Duplex, load: Load): Promise<Receipt> => sendWrites(stream, load.rounds, load.bytes)

/** A batch is one write. */
export const sendAll = (stream: Duplex, load: Load): Promise<Receipt> =>
  sendWrites(stream, load.rounds, [Buffer.concat(load.bytes)])

/** One round trip on a stream that echoes. */
export const tripOn = (stream: Duplex, message: Uint8Array): (() => Promise<void>) => {
  let missing = 0
  let arrived = () => {}
  stream.on("data", (chunk: Uint8Array) => {
    missing -= chunk.byteLength
    if (missing === 0) arrived()
  })
  return () =>
    new Promise((resolve) => {
      arrived = resolve
      missing = message.byteLength
      stream.write(message)
    })
}

/** Sends as fast as the stream takes it, until its side is over. */
export const fill = async (stream: Duplex, side: Side): Promise<void> => {
  while (!side.isOver) {
    side.sent.add(message)
    if (!stream.write(message)) await once(stream, "drain")
  }
}

/** All that comes on a stream. */
export const bodyOf = async (stream: Duplex): Promise<Uint8Array> => {
  const pieces: Array<Uint8Array> = []
  for await (const piece of stream) pieces.push(piece)
  return Buffer.concat(pieces)
}
