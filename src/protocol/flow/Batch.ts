/**
 * Messages that came together and wait for their reader: handed out one by one, or all that is left of them.
 */
import { concat } from "../Bytes.ts"
import { messageOverheadBytes, weightOf } from "./Limits.ts"
import type { Message } from "./Message.ts"
import { messagesTag, sizeOf } from "./Packing.ts"
import * as Varint from "./Varint.ts"

export interface Batch {
  /** How many are left. */
  readonly count: number
  /** Weight of what is left; see `Limits`. */
  readonly weight: number
  /** Hands out the next one; undefined when none is left. */
  readonly next: () => Message | undefined
  /** All that are left. */
  readonly all: () => ReadonlyArray<Message>
  /** They will wait: from here on they hold on to no memory but their own. */
  readonly keep: () => void
  /** Takes in the batch that follows, if that makes what waits smaller. */
  readonly join: (next: Batch) => boolean
}

/** Messages that were never bytes on a wire, or are that no more. */
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

/** Up to this size batches are joined. */
const joinedBytesMax = 16 * 1024

/** Memory in which half is of others is not held on to. */
export const own = (bytes: Uint8Array): Uint8Array =>
  2 * bytes.byteLength < bytes.buffer.byteLength ? bytes.slice() : bytes

/**
 * Messages as they stand on the wire, each behind its tag and length: cut when they are handed out, so that what waits is
 * one piece of memory, however many messages it holds. What is handed out is a view of it.
 */
export class Runs implements Batch {
  private bytes: Uint8Array
  /** What follows, in other memory. */
  private after: Uint8Array = nothing
  private at = 0
  private messageBytes: number
  count: number
  /** Bytes of the largest message. */
  largestBytes: number

  /** The bytes are whole messages with their tags and lengths: so many, of so many bytes without those. */
  constructor(bytes: Uint8Array, count: number, messageBytes: number, largestBytes: number) {
    this.bytes = bytes
    this.count = count
    this.messageBytes = messageBytes
    this.largestBytes = largestBytes
  }

  /** Adds what follows; at most once. */
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

  /** Joins small batches of about the same size, so that each message is copied a few times, however many batches come. */
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

/** Cuts the messages that stand there from `from` on, up to something else. */
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
 * Messages as `Runs` in memory of their own: however small they are, and whatever else was in the frame in which they came,
 * they take what they take on the wire.
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
