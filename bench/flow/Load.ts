/** What is sent, and how both sides know that all of it came. */

/** A chat message, for the typed rows. */
export interface Said {
  readonly from: string
  readonly text: string
}

/** A batch of messages of one size in three forms, sent `rounds` times over. The texts hold the same characters as the bytes. */
export interface Load {
  readonly rounds: number
  readonly size: number
  readonly bytes: ReadonlyArray<Uint8Array>
  readonly texts: ReadonlyArray<string>
  /** As JSON each has `size` characters. */
  readonly said: ReadonlyArray<Said>
}

/** What a receiver has counted. `sum` depends on what was in the messages and on their order. */
export interface Receipt {
  readonly count: number
  readonly bytes: number
  readonly sum: number
}

/** Messages of a batch; of large ones there are fewer. */
const batchOf = (size: number): number => (size > 4096 ? 16 : 256)

const letters = "the quick brown fox jumps over the lazy dog "

const textOf = (index: number, length: number): string =>
  `${index.toString(36).padStart(3, "0")}:${letters.repeat(Math.ceil(length / letters.length))}`.slice(0, length)

const emptySaid = JSON.stringify({ from: "user-000", text: "" }).length

export const loadOf = (size: number, rounds: number): Load => {
  const indices = Array.from({ length: batchOf(size) }, (_, index) => index)
  const texts = indices.map((index) => textOf(index, size))
  return {
    rounds,
    size,
    texts,
    bytes: texts.map((text) => new TextEncoder().encode(text)),
    said: indices.map((index) => ({
      from: `user-${index.toString(36).padStart(3, "0")}`,
      text: textOf(index, Math.max(0, size - emptySaid))
    }))
  }
}

/** Counts messages, and mixes the first four bytes of each and its last one into the sum. */
export class Tally {
  count = 0
  bytes = 0
  sum = 0
  #at = 0

  get receipt(): Receipt {
    return { count: this.count, bytes: this.bytes, sum: this.sum }
  }

  #mix(byte: number | undefined): void {
    this.sum = (Math.imul(this.sum, 31) + (byte ?? 0)) | 0
  }

  add(message: Uint8Array): void {
    const { length } = message
    for (let i = 0; i < 4; i++) this.#mix(message[i])
    this.#mix(message[length - 1])
    this.count += 1
    this.bytes += length
  }

  addText(text: string): void {
    const { length } = text
    for (let i = 0; i < 4; i++) this.#mix(text.charCodeAt(i))
    this.#mix(text.charCodeAt(length - 1))
    this.count += 1
    this.bytes += length
  }

  addSaid({ from, text }: Said): void {
    this.#mix(from.charCodeAt(from.length - 1))
    this.addText(text)
    this.bytes += from.length
  }

  /** A piece of a stream of messages of one size, back to back, wherever it was cut. */
  addStream(chunk: Uint8Array, size: number): void {
    const { length } = chunk
    let at = this.#at
    for (let i = 0; i < length; ) {
      if (at < 4 || at === size - 1) {
        this.#mix(chunk[i])
        i += 1
        at += 1
      } else {
        const step = Math.min(size - 1 - at, length - i)
        i += step
        at += step
      }
      if (at === size) {
        this.count += 1
        at = 0
      }
    }
    this.bytes += length
    this.#at = at
  }
}

/** What the receiver of all of a load must have counted. */
export const expected = (load: Load, form: "bytes" | "said"): Receipt => {
  const tally = new Tally()
  for (let round = 0; round < load.rounds; round++)
    if (form === "bytes") for (const message of load.bytes) tally.add(message)
    else for (const said of load.said) tally.addSaid(said)
  return tally.receipt
}
