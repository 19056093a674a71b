/** What hosts say of names over streams, and how one asks another for its state. */
import type { Message } from "../../../src/protocol/names/Exchange.ts"
import { isLive } from "../../../src/protocol/swim/Member.ts"
import * as Swim from "../../../src/protocol/swim/Swim.ts"
import { exchange, exchangeMillisMax, give } from "./Delivery.ts"
import type { Host } from "./Host.ts"
import * as NamesWire from "./NamesWire.ts"
import { call, type Network } from "./Network.ts"

/** Asks a member for its state: as a join, which begins an exchange with whoever has that address. */
export const meet = (network: Network, host: Host, id: string): void => {
  const member = host.state && Swim.member(host.state, id)
  if (member !== undefined) call(network, 0, () => exchange(network, host, member.address, true, false))
}

/** Sends one message after the other, each when the one before was taken; `done` when all were, or one was not. */
export const ship = (
  network: Network,
  host: Host,
  to: string,
  [message, ...later]: ReadonlyArray<Message>,
  done: () => void
): void => {
  const member = host.state && Swim.member(host.state, to)
  const isHeld = host.state?.standing.isHeld === true
  // Not within the step that asked for it.
  if (message === undefined || member === undefined || isHeld || !isLive(member)) return call(network, 0, done)
  let isTaken = false
  const taken = (): void => {
    isTaken = true
    ship(network, host, to, later, done)
  }
  give(network, host, { _tag: "Give", to: member.address, cargo: NamesWire.load(message), taken })
  call(network, exchangeMillisMax, () => {
    if (!isTaken) done()
  })
}
