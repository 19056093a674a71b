/**
 * What messages take on the wire, compressed as peers compress: measured on a sample of them, since it takes time.
 *
 * The sample has a source of chance of its own, so that measuring changes nothing of the run.
 */
import { crc32 } from "node:zlib"
import type { NodeState } from "../../../src/protocol/memberlist/Message.ts"
import * as Packet from "../../../src/protocol/memberlist/Packet.ts"
import * as StreamCodec from "../../../src/protocol/memberlist/StreamCodec.ts"
import * as Random from "../../../src/testing/Random.ts"

export interface Sizes {
  /** Share of the messages that are measured, in [0, 1]. */
  readonly share: number
  readonly random: () => number
  /** Datagrams measured so far, and their bytes, label and encryption left out. */
  datagrams: number
  datagramBytes: number
  /** States of push/pulls measured so far, and their bytes. */
  states: number
  stateBytes: number
}

export const make = (seed: string, share: number): Sizes => ({
  share,
  random: Random.make(`${seed} sizes`),
  datagrams: 0,
  datagramBytes: 0,
  states: 0,
  stateBytes: 0
})

const framing = { label: new Uint8Array(0), compress: true, crc32, cipher: undefined }

const isChosen = ({ random, share }: Sizes): boolean => share > 0 && random() < share

export const noteDatagram = (sizes: Sizes, parts: ReadonlyArray<Uint8Array>, crc: boolean): void => {
  if (!isChosen(sizes)) return
  sizes.datagrams += 1
  for (const bytes of Packet.encode({ parts, crc }, framing)) sizes.datagramBytes += bytes.length
}

export const noteState = (sizes: Sizes, nodes: ReadonlyArray<NodeState>): void => {
  if (!isChosen(sizes)) return
  sizes.states += 1
  const message = { _tag: "PushPull", join: false, nodes, userState: new Uint8Array(0) } as const
  sizes.stateBytes += StreamCodec.encode(message, framing, "dialler").length
}
