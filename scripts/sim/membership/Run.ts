/** Letting virtual time pass. */
import * as Agenda from "../../../src/testing/Agenda.ts"
import { arrive } from "./Delivery.ts"
import type { Arrival, Event } from "./Host.ts"
import type { Network } from "./Network.ts"
import { wake } from "./Process.ts"
import { lookAround } from "./Reunion.ts"

/** A slow host reads one datagram after the other, each in its time. */
const queue = (network: Network, event: Arrival): void => {
  const { to } = event
  const startsAt = Math.max(network.now, to.busyUntil)
  to.busyUntil = startsAt + to.serviceMillis
  const readAt = to.busyUntil
  Agenda.put(network.agenda, readAt, { _tag: "Call", run: () => arrive(network, to, event) })
}

const happen = (network: Network, event: Event): void => {
  switch (event._tag) {
    case "Arrive":
      return event.to.serviceMillis > 0 ? queue(network, event) : arrive(network, event.to, event)
    case "Wake":
      return wake(network, event.host)
    case "Request":
      return arrive(network, event.to, event)
    case "Reply":
      return arrive(network, event.request.from, event)
    case "Look":
      return lookAround(network, event.host, event.life)
    case "Call":
      return event.run()
  }
}

/** Runs until a time, or until `isDone`, which is asked after each event. */
export const runUntil = (network: Network, atMillis: number, isDone?: () => boolean): void => {
  const { agenda } = network
  for (;;) {
    const at = Agenda.next(agenda)
    if (at > atMillis) break
    const event = Agenda.take(agenda)
    if (event === undefined) break
    if (at > network.now) network.now = at
    happen(network, event)
    if (isDone?.() === true) return
  }
  network.now = atMillis
}

/** Lets time pass. */
export const advance = (network: Network, millis: number): void => runUntil(network, network.now + millis)

/** Lets time pass until something holds; how long that took, or undefined if it took longer than allowed. */
export const until = (
  network: Network,
  holds: () => boolean,
  withinMillis: number,
  everyMillis = 50
): number | undefined => {
  const began = network.now
  while (!holds()) {
    if (network.now - began >= withinMillis) return undefined
    advance(network, everyMillis)
  }
  return network.now - began
}
