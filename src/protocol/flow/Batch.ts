/** Batch: messages that came together and wait for the reader, handed out one by one or all at once. */
import { concat } from "../Bytes.ts"
import { messageOverheadBytes, weightOf } from "./Limits.ts"
import type { Message } from "./Message.ts"
import { messagesTag, sizeOf } from "./Packing.ts"
import * as Varint from "./Varint.ts"

export interface Batch {
  /** Messages left in the batch. */
  readonly count: number
  /** Weight of the messages left; see `Limits`. */
  readonly weight: number
  /** Takes the next message; undefined when none is left. */
  readonly next: () => Message | undefined
  /** Returns all messages left. */
  readonly all: () => ReadonlyArray<Message>
  /** Copies the messages out of memory that is mostly of other data, since they will wait. */
  readonly keep: () => void
  /** Merges the following batch into this one if that saves memory; returns whether it did. */
  readonly join: (next: Batch) => boolean
}

/** Batch of messages that were never bytes on the wire, or are no longer laid out as there. */
export class Listed implements Batch {
  private readonly messages: ReadonlyArray<Message>
  private head = 0

  constructor(messages: ReadonlyArray<Message>) {
    this.messages = messages
  }

  get count(): number {
    return this.messages.length - this.head
  }

  get weight(): number {
    return weightOf(this.all())
  }

  next(): Message | undefined {
    return this.messages[this.head++]
  }

  all(): ReadonlyArray<Message> {
    return this.head === 0 ? this.messages : this.messages.slice(this.head)
  }

  keep(): void {}

  join(): boolean {
    return false
  }
}

const nothing = new Uint8Array(0)

/** Largest size of two batches that are joined, together, in bytes. */
const joinedBytesMax = 16 * 1024

/** Copies `bytes` when they fill less than half of their buffer, so that they do not keep all of it alive. */
export const own = (bytes: Uint8Array): Uint8Array =>
  2 * bytes.byteLength < bytes.buffer.byteLength ? bytes.slice() : bytes

/**
 * Batch in wire form: messages behind their tags and lengths, cut when they are taken, so that however many messages
 * wait, they take one piece of memory. Each message taken is a view of it.
 */
export class Runs implements Batch {
  private bytes: Uint8Array
  /** Bytes that follow `bytes`, in other memory. */
  private after: Uint8Array = nothing
  private at = 0
  private messageBytes: number
  count: number
  /** Size of the largest message, in bytes. */
  largestBytes: number

  /** Takes `count` whole messages with their tags and lengths, `messageBytes` without those. */
  constructor(bytes: Uint8Array, count: number, messageBytes: number, largestBytes: number) {
    this.bytes = bytes
    this.count = count
    this.messageBytes = messageBytes
    this.largestBytes = largestBytes
  }

  /** Appends the bytes that follow; at most once. */
  add(bytes: Uint8Array, count: number, messageBytes: number, largestBytes: number): void {
    this.after = bytes
    this.count += count
    this.messageBytes += messageBytes
    this.largestBytes = Math.max(this.largestBytes, largestBytes)
  }

  get weight(): number {
    return this.messageBytes + this.count * messageOverheadBytes
  }

  next(): Uint8Array | undefined {
    if (this.count === 0) return undefined
    if (this.at === this.bytes.byteLength) {
      this.bytes = this.after
      this.after = nothing
      this.at = 0
    }
    const size = Varint.read(this.bytes, this.at + 1)
    const start = this.at + 1 + Varint.sizeOf(size)
    this.at = start + size
    this.count -= 1
    this.messageBytes -= size
    return this.bytes.subarray(start, this.at)
  }

  all(): ReadonlyArray<Uint8Array> {
    const messages: Array<Uint8Array> = []
    cut(this.bytes, this.at, messages)
    cut(this.after, 0, messages)
    return messages
  }

  keep(): void {
    this.bytes = own(this.bytes.subarray(this.at))
    this.after = own(this.after)
    this.at = 0
  }

  private get leftBytes(): number {
    return this.bytes.byteLength - this.at + this.after.byteLength
  }

  /** Joins small batches of similar size, so that a message is copied a few times, however many batches come. */
  join(next: Batch): boolean {
    if (!(next instanceof Runs) || next.leftBytes + this.leftBytes > joinedBytesMax) return false
    if (this.leftBytes > 2 * next.leftBytes) return false
    this.bytes = concat([this.bytes.subarray(this.at), this.after, next.bytes.subarray(next.at), next.after])
    this.after = nothing
    this.at = 0
    this.count += next.count
    this.messageBytes += next.messageBytes
    this.largestBytes = Math.max(this.largestBytes, next.largestBytes)
    return true
  }
}

/** Cuts the messages from `from` on into `messages`, up to the first other field. */
export const cut = (bytes: Uint8Array, from: number, messages: Array<Uint8Array>): void => {
  const { buffer, byteLength, byteOffset } = bytes
  let at = from
  while (at < byteLength && bytes[at] === messagesTag) {
    const size = Varint.read(bytes, at + 1)
    const start = at + 1 + Varint.sizeOf(size)
    at = start + size
    messages.push(new Uint8Array(buffer, byteOffset + start, size))
  }
}

/**
 * Packs messages into `Runs` with memory of their own: they take their size on the wire, however small they are and
 * whatever else was in their frame.
 */
export const packed = (messages: ReadonlyArray<Uint8Array>): Runs => {
  let [wireBytes, messageBytes, largestBytes] = [0, 0, 0]
  for (const { byteLength } of messages) {
    wireBytes += sizeOf(byteLength)
    messageBytes += byteLength
    largestBytes = Math.max(largestBytes, byteLength)
  }
  const bytes = new Uint8Array(wireBytes)
  let at = 0
  for (const message of messages) {
    bytes[at] = messagesTag
    const start = Varint.write(bytes, at + 1, message.byteLength)
    bytes.set(message, start)
    at = start + message.byteLength
  }
  return new Runs(bytes, messages.length, messageBytes, largestBytes)
}
