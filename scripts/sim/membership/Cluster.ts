/** Whole clusters on the virtual network, and what their hosts believe of each other. */
import type { Member, Status } from "../../../src/protocol/swim/Member.ts"
import type * as Members from "../../../src/protocol/swim/Members.ts"
import { shuffle } from "../../../src/protocol/swim/Sampling.ts"
import * as Swim from "../../../src/protocol/swim/Swim.ts"
import { join } from "./Delivery.ts"
import type { Host } from "./Host.ts"
import * as Network from "./Network.ts"
import type { Options } from "./Options.ts"
import { advance } from "./Run.ts"

/** What one host believes of another; undefined when it does not know it. */
export const sees = (host: Host, other: Host): Status | undefined =>
  host.state === undefined ? undefined : Swim.member(host.state, other.name)?.status

/** Whether all running hosts believe this of a host, other than itself. */
export const allSee = ({ hosts }: Network.Network, other: Host, status: Status): boolean =>
  hosts.every((host) => host.state === undefined || host === other || sees(host, other) === status)

/** How many members a host takes for alive, itself included. */
export const aliveIn = ({ state }: Host): number => {
  if (state === undefined) return 0
  let count = 0
  for (const { member } of state.members.order) if (member.status === "alive") count += 1
  return count
}

/** Whether all running hosts see each other alive, and nobody else. */
export const isConverged = ({ hosts }: Network.Network): boolean => {
  const running = hosts.filter(({ state }) => state !== undefined)
  return running.every((host) => {
    if (host.state?.members.live !== running.length || aliveIn(host) !== running.length) return false
    return running.every((other) => sees(host, other) === "alive")
  })
}

type Made = Partial<Options> & { readonly seed: string; readonly meta?: Uint8Array | ((name: string) => Uint8Array) }

const metaOf = (meta: Made["meta"], name: string): Uint8Array | undefined =>
  typeof meta === "function" ? meta(name) : meta

/** A cluster of hosts `h0` to `h<n-1>`, each of which starts 100 ms after the one before it and joins through it. */
export const chained = (n: number, { meta, ...options }: Made): Network.Network => {
  const network = Network.make(options)
  let last: Host | undefined
  for (let i = 0; i < n; i++) {
    const host = Network.add(network, `h${i}`, metaOf(meta, `h${i}`))
    if (last !== undefined) join(network, host, last)
    last = host
    advance(network, 100)
  }
  return network
}

/** A cluster in which everybody knows everybody, nothing is left to be told, and each is somewhere in its rounds. */
export const settled = (n: number, { meta, ...options }: Made): Network.Network => {
  const network = Network.make(options)
  for (let i = 0; i < n; i++) Network.add(network, `h${i}`, metaOf(meta, `h${i}`))
  introduce(network, network.hosts)
  return network
}

/** Makes running hosts know each other at once, as if they had been together for long. */
export const introduce = (network: Network.Network, hosts: ReadonlyArray<Host>): void => {
  const own = hosts.flatMap(({ state }): ReadonlyArray<Member> => (state === undefined ? [] : [state.self.member]))
  for (const { state } of hosts) {
    if (state === undefined) continue
    const { memberBroadcasts, members, self } = state
    for (const member of own) {
      if (member.name === self.member.name || members.byName.has(member.name)) continue
      const bare = { suspicion: undefined, claim: undefined, farewell: undefined }
      const entry: Members.Entry = { member, ...bare, ackedAt: member.address }
      members.byName.set(member.name, entry)
      members.order.push(entry)
      members.live += 1
    }
    shuffle(network.random, members.order)
    members.probeIndex = Math.floor(network.random() * members.order.length)
    state.isRecognized = true
    memberBroadcasts.byKey.clear()
    for (const tier of memberBroadcasts.tiers) tier.length = 0
  }
}
