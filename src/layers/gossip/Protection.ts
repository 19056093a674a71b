/** Protection: chooses the keys of gossip over a socket, and logs how far gossip is unprotected. */
import { Effect } from "effect"
import { host as textOf } from "../../protocol/Address.ts"
import type { GossipSocket } from "../../services/GossipSocket.ts"
import * as Exposure from "../core/Exposure.ts"
import type * as Keys from "./Keys.ts"

/** Returns the keys given to the membership layer, else the keys of the socket. */
export const encryption = (
  given: Keys.Options = {},
  { keys = [] }: Pick<GossipSocket["Service"], "keys">
): Keys.Options => (given.keys === undefined || given.keys.length === 0 ? { ...given, keys } : given)

const migrations = {
  verifyIncoming: "accepts gossip that is not encrypted",
  verifyOutgoing: "sends gossip that is not encrypted"
} as const

/** Logs plaintext or a migration. Silent where gossip stays in this process, or is encrypted without exception. */
export const tell = (
  { keys = [], verifyIncoming = true, verifyOutgoing = true }: Keys.Options,
  { address, reach }: Pick<GossipSocket["Service"], "address" | "reach">
): Effect.Effect<void> => {
  if (reach === undefined) return Effect.void
  if (keys.length === 0) return Exposure.tell("gossip", textOf(address.bytes), address.port, "keys")
  const open = [
    ...(verifyIncoming ? [] : [migrations.verifyIncoming]),
    ...(verifyOutgoing ? [] : [migrations.verifyOutgoing])
  ]
  return open.length === 0
    ? Effect.void
    : Effect.logWarning(`this host has keys, and ${open.join(" and ")}: for a move from plaintext to keys alone`)
}
