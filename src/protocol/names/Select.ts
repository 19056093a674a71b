/**
 * Order in which to try the owners of a name.
 *
 * "nearest" ranks by locality, then by measured round trip. A round trip is never the same twice, so owners within a
 * factor of two of each other, and those below a few milliseconds, count as equally near, and so do unmeasured ones. Of
 * the equally near the least busy comes first: else all callers of one rack would go to one owner.
 * "leastBusy" takes the one of two random owners to which the caller has fewer open flows: looking for the best of all
 * would send everybody to the same one.
 * A key picks by rendezvous hashing: every host ranks the owners of a key alike, and when an owner goes, only its own
 * keys move. The score of an owner is part of the protocol, since callers on different hosts must agree.
 * Source: Thaler and Ravishankar, "A name-based mapping scheme for rendezvous" (1996). Mitzenmacher, "The power of two choices
 * in randomized load balancing" (2001).
 */

/** Host as the choice sees it; `locality` runs from the widest place to the narrowest, such as "eu/fra/rack-7". */
export interface Place {
  readonly id: string
  readonly locality: string
}

/** Owner to choose from. */
export interface Candidate extends Place {
  /** Round trip from the caller; undefined when none was measured. */
  readonly roundTripMillis?: number | undefined
  /** Open flows of the caller to this owner; none unless given. */
  readonly flows?: number
}

/**
 * "nearest": `self`, then by the longest shared locality, then by the shortest round trip, of the equally near the
 * least busy. "leastBusy": of all. "random": by chance. `key`: the same order for the same key. `host`: only that host.
 */
export type Select = "nearest" | "leastBusy" | "random" | { readonly key: string } | { readonly host: string }

/** Returns the number of leading segments that two localities share; an empty one shares none. */
export const nearness = (a: string, b: string): number => {
  if (a === "" || b === "") return 0
  const others = b.split("/")
  const segments = a.split("/")
  const end = segments.findIndex((segment, at) => segment !== others[at])
  return end === -1 ? segments.length : end
}

const shuffle = <A>(items: ReadonlyArray<A>, random: () => number): ReadonlyArray<A> =>
  items
    .map((item) => ({ item, rank: random() }))
    .sort((a, b) => a.rank - b.rank)
    .map(({ item }) => item)

/**
 * Returns the score of an owner for a key; the highest one wins.
 *
 * Shape: FNV-1a over the UTF-8 bytes of key, a zero byte and host id, mixed by the finalizer of MurmurHash3.
 * Units: an unsigned 32-bit integer.
 */
export const score = (key: string, id: string): number => {
  let hash = 0x811c9dc5
  for (const byte of new TextEncoder().encode(`${key}\0${id}`)) hash = Math.imul(hash ^ byte, 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}

/** Shortest round trip that counts, in milliseconds: below it the load of processes matters more than distance. */
const roundTripMillisMin = 2

/** Width of a band: the ratio of its longest to its shortest round trip. */
const bandFactor = 2

/** Puts the less busy of the first two of shuffled owners first; the others follow in case that one takes no flow. */
const leastBusyFirst = <A extends Candidate>(shuffled: ReadonlyArray<A>): ReadonlyArray<A> => {
  const [first, second, ...others] = shuffled
  if (first === undefined || second === undefined || (first.flows ?? 0) <= (second.flows ?? 0)) return shuffled
  return [second, first, ...others]
}

/**
 * Orders by bands of locality and round trip, the least busy first in each. An unmeasured owner counts as the nearest
 * of its locality: in a fabric of a thousand it would else get no call for a quarter of an hour.
 */
const byNearness = <A extends Candidate>(
  owners: ReadonlyArray<A>,
  self: Place,
  random: () => number
): ReadonlyArray<A> => {
  const near = (owner: A): number => (owner.id === self.id ? -Infinity : -nearness(owner.locality, self.locality))
  /** Shortest round trip by place. */
  const shortest = new Map<number, number>()
  const ranked = owners.map((owner) => {
    const [at, roundTrip] = [near(owner), Math.max(roundTripMillisMin, owner.roundTripMillis ?? Infinity)]
    shortest.set(at, Math.min(roundTrip, shortest.get(at) ?? Infinity))
    return { owner, near: at, roundTrip, band: 0, chance: random() }
  })
  for (const each of ranked)
    if (each.owner.roundTripMillis === undefined) each.roundTrip = shortest.get(each.near) ?? each.roundTrip
  const order = (a: number, b: number): number => (a === b ? 0 : a < b ? -1 : 1)
  ranked.sort((a, b) => order(a.near, b.near) || order(a.roundTrip, b.roundTrip))
  let first = ranked[0]
  let band = 0
  for (const next of ranked) {
    if (first?.near !== next.near || next.roundTrip > first.roundTrip * bandFactor) {
      first = next
      band += 1
    }
    next.band = band
  }
  ranked.sort((a, b) => a.band - b.band || a.chance - b.chance)
  const bands = Array.from({ length: band + 1 }, (_, at) => ranked.filter((each) => each.band === at))
  return bands.flatMap((each) => leastBusyFirst(each.map(({ owner }) => owner)))
}

const byScore = <A extends Place>(owners: ReadonlyArray<A>, key: string): ReadonlyArray<A> =>
  owners
    .map((owner) => ({ owner, rank: score(key, owner.id) }))
    .sort((a, b) => b.rank - a.rank || (a.owner.id < b.owner.id ? -1 : 1))
    .map(({ owner }) => owner)

/** Returns true when `order` matters: a single owner needs no order, but may not be the wanted host. */
export const isChoice = (owners: ReadonlyArray<unknown>, select: Select): boolean =>
  owners.length > 1 || (typeof select === "object" && "host" in select)

/** Returns the owners in the order in which to try them. `random` is uniform in [0, 1). */
export const order = <A extends Candidate>(
  owners: ReadonlyArray<A>,
  select: Select,
  self: Place,
  random: () => number
): ReadonlyArray<A> => {
  if (select === "random") return shuffle(owners, random)
  if (select === "leastBusy") return leastBusyFirst(shuffle(owners, random))
  if (select === "nearest") return byNearness(owners, self, random)
  if ("key" in select) return byScore(owners, select.key)
  return owners.filter(({ id }) => id === select.host)
}
