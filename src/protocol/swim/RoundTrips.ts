/**
 * How long a message to each member and back takes, as the direct acks of probes tell.
 *
 * Shape: an exponentially weighted mean of each member that was measured, until the member is forgotten. A member at another
 * address is measured anew.
 */
import { format } from "../Address.ts"
import type { Output } from "./Output.ts"
import * as Swim from "./Swim.ts"

interface RoundTrip {
  readonly address: string
  readonly millis: number
}

/** By name. */
export type RoundTrips = Map<string, RoundTrip>

/** Share of the latest measurement. Probes of one member are far apart, so a few of them have to do. */
const weight = 1 / 4

export const make = (): RoundTrips => new Map()

/** Takes in what the machine in this state has put out. */
export const see = (trips: RoundTrips, state: Swim.State, output: Output): void => {
  if (output._tag === "Reaped") trips.delete(output.member.name)
  if (output._tag !== "Probed" || output.roundTripMillis === undefined) return
  const member = Swim.member(state, output.name)
  if (member === undefined) return
  const address = format(member.address)
  const before = trips.get(output.name)
  const millis = output.roundTripMillis
  const mean = before?.address === address ? before.millis + weight * (millis - before.millis) : millis
  trips.set(output.name, { address, millis: mean })
}

/** The smoothed round trip to a member, in milliseconds; undefined when it was not measured at its address. */
export const millisTo = (trips: RoundTrips, state: Swim.State, name: string): number | undefined => {
  const known = trips.get(name)
  const member = Swim.member(state, name)
  return known !== undefined && member !== undefined && known.address === format(member.address)
    ? known.millis
    : undefined
}
