/**
 * How long a message to each member and back takes, as the direct acks of probes tell.
 *
 * Shape: the latest measurements of each member, until the member is forgotten. A member at another address is measured anew.
 * The shortest of them counts: whatever else the two processes do makes an answer later and never sooner, so a mean would
 * tell how busy they were rather than how far apart.
 */
import { format } from "../Address.ts"
import type { Output } from "./Output.ts"
import * as Swim from "./Swim.ts"

interface RoundTrip {
  readonly address: string
  /** The latest last. */
  readonly millis: ReadonlyArray<number>
}

/** By name. */
export type RoundTrips = Map<string, RoundTrip>

/** Measurements that are kept. Probes of one member are far apart, so a few of them have to do. */
const keptMax = 4

export const make = (): RoundTrips => new Map()

/** Takes in what the machine in this state has put out. */
export const see = (trips: RoundTrips, state: Swim.State, output: Output): void => {
  if (output._tag === "Reaped") trips.delete(output.member.name)
  if (output._tag !== "Probed" || output.roundTripMillis === undefined) return
  const member = Swim.member(state, output.name)
  if (member === undefined) return
  const address = format(member.address)
  const before = trips.get(output.name)
  const kept = before?.address === address ? before.millis.slice(1 - keptMax) : []
  trips.set(output.name, { address, millis: [...kept, output.roundTripMillis] })
}

/** Measurements from which on one counts: the first falls into the start of a host, when both sides are busy. */
const countMin = 2

/** The shortest of the latest round trips to a member, in milliseconds; undefined before it was measured twice at its address. */
export const millisTo = (trips: RoundTrips, state: Swim.State, name: string): number | undefined => {
  const known = trips.get(name)
  const member = Swim.member(state, name)
  if (known === undefined || known.millis.length < countMin || member === undefined) return undefined
  return known.address === format(member.address) ? Math.min(...known.millis) : undefined
}
