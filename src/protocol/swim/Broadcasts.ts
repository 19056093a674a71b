/**
 * Queue of encoded messages to piggyback, each a limited number of times.
 *
 * Order: least sent first, then the longest, then the newest. One message per key: a newer one displaces the older.
 * Source: memberlist-wire.md, section 14.1.
 */

export interface Broadcast {
  readonly key: string
  readonly bytes: Uint8Array
  readonly id: number
  transmits: number
}

export interface Broadcasts {
  /** Messages by how often they were sent; the last of each tier is the next in order. */
  readonly tiers: Array<Array<Broadcast>>
  readonly byKey: Map<string, Broadcast>
  nextId: number
}

export const make = (): Broadcasts => ({ tiers: [], byKey: new Map(), nextId: 0 })

/** Returns how often a message is sent in a cluster of `n` members: `mult * ceil(log10(n + 1))`. */
export const transmitLimit = (retransmitMult: number, n: number): number =>
  retransmitMult * Math.ceil(Math.log10(n + 1))

export const size = (queue: Broadcasts): number => queue.byKey.size

const tierAt = (queue: Broadcasts, transmits: number): Array<Broadcast> => {
  while (queue.tiers.length <= transmits) queue.tiers.push([])
  return queue.tiers[transmits] ?? []
}

/** Returns how many of the first `end` messages are shorter than `length`, or as long with an id below `id`. */
const rank = (tier: ReadonlyArray<Broadcast>, length: number, id: number, end: number): number => {
  let low = 0
  let high = end
  while (low < high) {
    const middle = (low + high) >> 1
    const at = tier[middle]
    if (at !== undefined && (at.bytes.length < length || (at.bytes.length === length && at.id < id))) low = middle + 1
    else high = middle
  }
  return low
}

const insert = (queue: Broadcasts, entry: Broadcast): void => {
  const tier = tierAt(queue, entry.transmits)
  const place = rank(tier, entry.bytes.length, entry.id, tier.length)
  if (place === tier.length) tier.push(entry)
  else tier.splice(place, 0, entry)
}

const remove = (queue: Broadcasts, entry: Broadcast): void => {
  const tier = tierAt(queue, entry.transmits)
  tier.splice(rank(tier, entry.bytes.length, entry.id, tier.length), 1)
  queue.byKey.delete(entry.key)
}

/** Queues a message in place of any message with the same key. */
export const enqueue = (queue: Broadcasts, key: string, bytes: Uint8Array): void => {
  const displaced = queue.byKey.get(key)
  if (displaced !== undefined) remove(queue, displaced)
  const entry: Broadcast = { key, bytes, id: queue.nextId++, transmits: 0 }
  queue.byKey.set(key, entry)
  insert(queue, entry)
}

/** Drops the message of `key`, if any. */
export const forget = (queue: Broadcasts, key: string): void => {
  const entry = queue.byKey.get(key)
  if (entry !== undefined) remove(queue, entry)
}

/** Whether a message of `key` still has transmissions left. */
export const has = (queue: Broadcasts, key: string): boolean => queue.byKey.has(key)

export interface Room {
  /** Bytes that each message costs on top of its length. */
  readonly overheadBytes: number
  readonly bytesMax: number
  readonly countMax: number
  readonly transmitLimit: number
}

/** Takes the messages of one datagram, each at most once, and counts their transmissions. */
export const take = (queue: Broadcasts, room: Room): ReadonlyArray<Uint8Array> => {
  if (queue.byKey.size === 0) return []
  const taken: Array<Broadcast> = []
  let left = room.bytesMax
  for (const tier of queue.tiers) {
    let end = tier.length
    while (end > 0 && taken.length < room.countMax) {
      end = rank(tier, left - room.overheadBytes + 1, 0, end) - 1
      const entry = tier[end]
      if (entry === undefined) break
      if (end === tier.length - 1) tier.pop()
      else tier.splice(end, 1)
      taken.push(entry)
      left -= entry.bytes.length + room.overheadBytes
    }
  }
  // Backwards, which is the ascending order of a tier, so that most inserts append.
  for (let i = taken.length - 1; i >= 0; i--) {
    const entry = taken[i]
    if (entry === undefined) break
    entry.transmits += 1
    if (entry.transmits >= room.transmitLimit) queue.byKey.delete(entry.key)
    else insert(queue, entry)
  }
  return taken.map((entry) => entry.bytes)
}

/** Drops the most sent, then shortest, then oldest until `countMax` remain; returns the number of dropped messages. */
export const prune = (queue: Broadcasts, countMax: number): number => {
  let dropped = 0
  for (let transmits = queue.tiers.length - 1; transmits >= 0 && queue.byKey.size > countMax; transmits--) {
    const tier = tierAt(queue, transmits)
    const excess = Math.min(tier.length, queue.byKey.size - countMax)
    for (const entry of tier.splice(0, excess)) queue.byKey.delete(entry.key)
    dropped += excess
  }
  return dropped
}
