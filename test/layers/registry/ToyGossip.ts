/**
 * A membership plane in memory: members are as the test says, messages get lost, late and out of order by a seed, and
 * push/pull happens when the test says so. Time is that of the test clock.
 */
import { Context, Deferred, Effect, Exit, Layer, Scope, Stream } from "effect"
import { type Evidence, Gossip, type Member, type MemberStatus, type Passenger } from "../../../src/services/Gossip.ts"
import { type Host, Self } from "../../../src/services/Host.ts"
import { HostUnreachable, NetworkError } from "../../../src/services/NetworkError.ts"
import { Registry } from "../../../src/services/Registry.ts"
import * as Random from "../../../src/testing/Random.ts"

export interface Node {
  readonly host: Host
  passenger: Passenger | undefined
  /** What this node believes of the others. */
  readonly members: Map<string, Member>
  readonly said: Array<{ readonly key: string; readonly payload: Uint8Array }>
  /** What it sent to single members. */
  readonly sent: Array<Uint8Array>
  /** Seeds that it joined. */
  readonly joined: Array<string>
  /** It has given its name up. */
  readonly lost: Deferred.Deferred<never, NetworkError>
  /** Takes nothing that is sent to it alone, and does not say so. */
  isStalled: boolean
}

export interface Bus {
  readonly nodes: Map<string, Node>
  readonly services: (node: Node) => Context.Context<Gossip | Self>
  /** Adds a host that knows of nobody; another life of the same id takes its place. */
  readonly add: (id: string, generation: number) => Node
  /** Has a node believe something of another. */
  readonly tell: (
    node: Node,
    about: Host,
    status: MemberStatus,
    evidence?: ReadonlyArray<Evidence>
  ) => Effect.Effect<void>
  /** Has a node forget another. */
  readonly forget: (node: Node, id: string) => void
  /** Both know each other alive, and exchange all they know. */
  readonly join: (a: Node, b: Node) => Effect.Effect<void>
  readonly pushPull: (a: Node, b: Node) => Effect.Effect<void>
  /** Share of messages lost from now on. */
  setLoss: (loss: number) => void
}

export const hostOf = (id: string, generation: number): Host => ({
  id,
  generation,
  address: "192.0.2.1",
  flowPort: 7947,
  locality: "",
  tags: {},
  revision: 1
})

const memberOf = (host: Host, status: MemberStatus): Member => ({
  id: host.id,
  status,
  incarnation: 1,
  address: host.address,
  port: 7946,
  meta: Uint8Array.of(),
  host
})

const unreachable = (host: string): NetworkError =>
  new NetworkError({
    operation: "send",
    reason: new HostUnreachable({ host, address: "none", cause: "no live member" })
  })

export const make = Effect.fnUntraced(function* (seed: string, delayMillis = 500) {
  const scope = yield* Effect.scope
  const random = Random.make(seed)
  const nodes = new Map<string, Node>()
  let loss = 0

  const broadcast = (from: Node, key: string, payload: Uint8Array) => {
    from.said.push({ key, payload })
    const deliveries = [...nodes.values()].flatMap((to) => {
      const isReached = to !== from && from.members.get(to.host.id)?.status === "alive" && random() >= loss
      if (!isReached) return []
      const deliver = Effect.suspend(() => to.passenger?.message(payload) ?? Effect.void)
      return [Effect.forkIn(Effect.delay(deliver, random() * delayMillis), scope)]
    })
    return Effect.all(deliveries, { discard: true })
  }

  const gossipOf = (node: Node): Gossip["Service"] => ({
    self: Effect.succeed(memberOf(node.host, "alive")),
    members: Effect.sync(() => [...node.members.values()]),
    roundTripMillis: () => Effect.undefined,
    changes: Stream.never,
    onChange: () => Effect.void,
    lost: Deferred.await(node.lost),
    join: (seeds) => Effect.sync(() => node.joined.push(...seeds)),
    leave: Effect.void,
    setTags: () => Effect.void,
    renew: () => Effect.void,
    keyring: {
      size: Effect.succeed(0),
      list: Effect.succeed([]),
      verified: Effect.succeed({ incoming: false, outgoing: false }),
      verify: () => Effect.void,
      install: () => Effect.void,
      use: () => Effect.void,
      remove: () => Effect.void
    },
    broadcast: (key, payload) => Effect.suspend(() => broadcast(node, key, payload)),
    broadcastBytesMax: 1300,
    send: (id, payload) =>
      Effect.suspend(() => {
        const to = nodes.get(id)
        const isReached = to?.passenger !== undefined && node.members.get(id)?.status === "alive"
        if (!isReached) return Effect.fail(unreachable(id))
        node.sent.push(payload)
        if (to.isStalled) return Effect.never
        return Effect.delay(to.passenger?.message(payload) ?? Effect.void, random() * 5)
      }),
    sendBytesMax: 1_000_000,
    board: (passenger) =>
      Effect.acquireRelease(
        Effect.sync(() => {
          node.passenger = passenger
        }),
        () =>
          Effect.sync(() => {
            node.passenger = undefined
          })
      ),
    counters: Effect.succeed({})
  })

  const add = (id: string, generation: number): Node => {
    const host = hostOf(id, generation)
    const members = new Map([[id, memberOf(host, "alive")]])
    const node: Node = {
      host,
      passenger: undefined,
      members,
      said: [],
      sent: [],
      joined: [],
      lost: Deferred.makeUnsafe<never, NetworkError>(),
      isStalled: false
    }
    nodes.set(id, node)
    return node
  }

  const tell: Bus["tell"] = (node, about, status, evidence = []) =>
    Effect.suspend(() => {
      const member = memberOf(about, status)
      const from = node.members.get(about.id)?.status
      node.members.set(about.id, member)
      return node.passenger?.memberChanged({ member, from, evidence }) ?? Effect.void
    })

  const pushPull = Effect.fnUntraced(function* (a: Node, b: Node) {
    if (a.passenger === undefined || b.passenger === undefined) return
    const ours = yield* a.passenger.localState
    const theirs = yield* b.passenger.localState
    yield* b.passenger.mergeState(ours)
    yield* a.passenger.mergeState(theirs)
  })

  const bus: Bus = {
    nodes,
    services: (node) => {
      const { generation, id, locality, tags } = node.host
      return Context.add(Context.make(Self, { id, generation, locality, tags }), Gossip, gossipOf(node))
    },
    add,
    tell,
    forget: (node, id) => {
      node.members.delete(id)
    },
    join: (a, b) => Effect.all([tell(a, b.host, "alive"), tell(b, a.host, "alive"), pushPull(a, b)], { discard: true }),
    pushPull,
    setLoss: (share) => {
      loss = share
    }
  }
  return bus
})

export interface Running {
  readonly node: Node
  readonly registry: Registry["Service"]
  /** Ends the registry, and its host's part in the gossip with it. */
  readonly stop: Effect.Effect<void>
}

/** Runs a registry on a node. */
export const run = Effect.fnUntraced(function* (
  bus: Bus,
  node: Node,
  layer: Layer.Layer<Registry, NetworkError, Gossip | Self>
) {
  const scope = yield* Scope.fork(yield* Effect.scope)
  const services = Layer.succeedContext(bus.services(node))
  const built = yield* Layer.buildWithScope(Layer.provide(layer, services), scope)
  const running: Running = { node, registry: Context.get(built, Registry), stop: Scope.close(scope, Exit.void) }
  return running
})
