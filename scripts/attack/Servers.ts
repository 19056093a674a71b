/** An attacker that is called: a member that owns a name, and answers on its port for flows as no host does. */
import * as net from "node:net"
import * as tls from "node:tls"
import { Context, Effect, Layer, Logger } from "effect"
import * as SelfLive from "../../src/layers/core/SelfLive.ts"
import * as GossipSwim from "../../src/layers/gossip/GossipSwim.ts"
import * as GossipSocketNode from "../../src/layers/gossip/socket/GossipSocketNode.ts"
import * as RegistryGossip from "../../src/layers/registry/RegistryGossip.ts"
import * as FrameBytes from "../../src/protocol/flow/FrameBytes.ts"
import { Registry } from "../../src/services/Registry.ts"
import { good } from "../../test/layers/transport/http2/RawPeer.ts"
import type { Attack } from "./Attack.ts"
import { echoOf } from "./Endpoints.ts"
import { type Means, ownAddress, waitingBytesMax } from "./Means.ts"
import type { Target } from "./Orders.ts"
import { turnsPerSecond } from "./Sessions.ts"
import * as Streams from "./Streams.ts"

const { cut, data, frame, headers, magic, type } = Streams

/** A session that a host has opened. */
export interface Session extends Pick<Streams.Session, "write" | "isOpen" | "socket"> {
  /** Streams on which calls are open. */
  readonly calls: ReadonlySet<number>
}

export interface Behaviour {
  /** The payload of its first SETTINGS. */
  readonly settings?: Uint8Array
  /** Says these in the place of its first SETTINGS. */
  readonly first?: () => Uint8Array
  /** Acknowledges no settings. */
  readonly isUnbound?: boolean
  readonly onCall?: (stream: number, session: Session) => void
  /** Comes now and then while a session is open, `turnsPerSecond`. */
  readonly onTurn?: (session: Session) => void
}

export const accepted = FrameBytes.encode({ _tag: "Accepted" })

/** Takes a call as a host does. */
export const accept = (stream: number, session: Session): void => {
  session.write(headers(stream, good), data(stream, accepted))
}

const serve = (means: Means, socket: net.Socket, behaviour: Behaviour): void => {
  const calls = new Set<number>()
  let isOpen = true
  const session: Session = {
    socket,
    calls,
    isOpen: () => isOpen,
    write: (...frames) => {
      if (!isOpen || socket.writableLength > waitingBytesMax) return false
      socket.write(Buffer.concat(frames))
      return true
    }
  }
  const turns = setInterval(() => {
    if (!means.isOver()) behaviour.onTurn?.(session)
  }, 1000 / turnsPerSecond)
  const close = () => {
    isOpen = false
    clearInterval(turns)
  }
  means.heard(socket).on("close", close).on("end", close).on("error", close)
  const hear = (kind: number, flags: number, stream: number, payload: Buffer): void => {
    if (kind === type.ping && flags === 0) session.write(frame(type.ping, 1, 0, payload))
    if (kind === type.settings && flags === 0 && behaviour.isUnbound !== true) session.write(frame(type.settings, 1, 0))
    if (kind === type.reset) {
      calls.delete(stream)
      means.over("reset")
    }
    if (kind !== type.headers) return
    calls.add(stream)
    behaviour.onCall?.(stream, session)
  }
  socket.on("data", cut(hear, magic.length))
  session.write(behaviour.first?.() ?? frame(type.settings, 0, 0, behaviour.settings))
}

/** A port for flows; who comes to it before `onSocket` is set is let go. */
const listen = async ({ tls: own }: Target) => {
  const port = { flowPort: 0, onSocket: (socket: net.Socket): void => void socket.destroy() }
  const take = (socket: net.Socket) => port.onSocket(socket)
  const server =
    own === undefined
      ? net.createServer({ noDelay: true }, take)
      : tls.createServer(
          {
            ...{ cert: own.certificate, key: own.key, ca: own.authorities, ALPNProtocols: ["h2"] },
            ...{ requestCert: true, rejectUnauthorized: false }
          },
          take
        )
  server.on("tlsClientError", () => undefined)
  await new Promise<void>((resolve) => server.listen(0, ownAddress, resolve))
  const address = server.address()
  if (address !== null && typeof address === "object") port.flowPort = address.port
  return port
}

/** Makes a member of the membership plane with a name, of which the flows are served at a port, until the process ends. */
const member = ({ attack, fabric, keys, peers, victim }: Target, flowPort: number): Promise<void> => {
  const seeds = [victim, ...peers].map(({ address, gossipPort }) => `${address}:${gossipPort}`)
  const layer = RegistryGossip.layerLimits({}).pipe(
    Layer.provideMerge(GossipSwim.layer({ fabric, seeds, meta: { flowPort }, encryption: { keys } })),
    Layer.provideMerge(SelfLive.layer({ name: attack })),
    Layer.provideMerge(GossipSocketNode.layer({ host: ownAddress, port: 0, keys, insecure: true }))
  )
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const { fingerprint, name } = echoOf(attack)
  const claimed = Effect.gen(function* () {
    const registry = Context.get(yield* Layer.build(layer), Registry)
    yield* registry.claim({ name, ownership: "unique", contract: fingerprint })
    resolve()
    return yield* Effect.never
  })
  Effect.runPromise(Effect.scoped(claimed).pipe(Effect.provide(Logger.layer([])))).catch(reject)
  return promise
}

/** An attack by whoever is called. */
export const called = (behaviour: () => Behaviour): Pick<Attack, "run" | "prepare" | "by" | "seconds"> => ({
  by: "S",
  seconds: 6,
  run: () => Promise.reject(new Error("it was not prepared")),
  prepare: async (target) => {
    const port = await listen(target)
    await member(target, port.flowPort)
    const does = behaviour()
    return async (means) => {
      port.onSocket = (socket) => serve(means, socket, does)
      await means.sleep(means.seconds * 1000)
    }
  }
})
