/**
 * Round-trip times to members, measured by the direct acks of probes.
 *
 * Shape: the latest measurements of each member, until the member is reaped. A new address starts new measurements. The
 * shortest counts: other work of the two processes only delays an answer, so a mean would tell how busy they are rather
 * than how far apart.
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

/** Measurements kept per member: probes of one member are far apart, so few must do. */
const keptMax = 4

export const make = (): RoundTrips => new Map()

/** Updates the measurements with an output of the state machine. */
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

/** Least number of measurements: the first falls into the start of a host, when both sides are busy. */
const countMin = 2

/** Returns the shortest recent round trip to a member, ms; undefined before two measurements at its address. */
export const millisTo = (trips: RoundTrips, state: Swim.State, name: string): number | undefined => {
  const known = trips.get(name)
  const member = Swim.member(state, name)
  if (known === undefined || known.millis.length < countMin || member === undefined) return undefined
  return known.address === format(member.address) ? Math.min(...known.millis) : undefined
}
