/** Two hosts and what connects them: a wire for each transport. */
import { Context, Effect, FiberSet, Layer, type Scope } from "effect"
import * as MemoryNetwork from "../../../src/layers/memory/MemoryNetwork.ts"
import * as LocalLink from "../../../src/layers/transport/link/LocalLink.ts"
import * as TransportConnect from "../../../src/layers/transport/TransportConnect.ts"
import * as TransportMemory from "../../../src/layers/transport/TransportMemory.ts"
import type { Host } from "../../../src/services/Host.ts"
import { type Link, LinkBroken, Transport } from "../../../src/services/Transport.ts"
import { cable } from "../../laws/Cable.ts"
import type { Wire } from "../../laws/flow.ts"
import * as Certificates from "./http2/tls/Certificates.ts"

const host: Host = { id: "server", generation: 1, address: "127.0.0.1", flowPort: 0, locality: "", tags: {} }

export const queues = Effect.gen(function* () {
  const run = yield* FiberSet.makeRuntime<never, void>()
  const ends = new Set<LocalLink.LinkEnd>()
  let accept: ((link: Link) => Effect.Effect<void, never, Scope.Scope>) | undefined
  const reset = (end: LocalLink.LinkEnd) =>
    Effect.sync(() => end.breakWith(new LinkBroken({ how: "reset", detail: "" })))
  const wire: Wire = {
    host,
    dial: Effect.gen(function* () {
      const [caller, server] = LocalLink.make()
      ends.add(server)
      yield* Effect.addFinalizer(() => reset(caller))
      if (accept !== undefined) run(Effect.ensuring(Effect.scoped(accept(server)), reset(server)))
      return caller
    }),
    serve: (onLink) =>
      Effect.sync(() => {
        accept = onLink
      }),
    kill: Effect.sync(() => {
      for (const end of ends) end.breakWith(new LinkBroken({ how: "lost", detail: "killed" }))
    })
  }
  return wire
})

const sockets = (tls: (name: string) => TransportConnect.Config["tls"]) =>
  Effect.gen(function* () {
    const build = (name: string) =>
      Effect.map(Layer.build(TransportConnect.layer({ port: 0, tls: tls(name) })), Context.get(Transport))
    const near = yield* build("client")
    const far = yield* build(host.id)
    const { cut, port } = yield* cable(far.flowPort)
    const there = { ...host, flowPort: port }
    return { host, reach: near.reach(there), dial: near.dial(there), serve: far.serve, kill: cut }
  })

export const plain = sockets(() => undefined)

const authority = Certificates.make("an authority")

export const secured = sockets((name) => ({ ...authority.issue(name), fabric: "", host: name }))

export const memory = Effect.gen(function* () {
  const network = yield* Layer.build(MemoryNetwork.layer({ latency: 0 }))
  const join = (name: string) =>
    Effect.map(
      Layer.build(Layer.provide(TransportMemory.layer(name), Layer.succeedContext(network))),
      Context.get(Transport)
    )
  const near = yield* join("client")
  const far = yield* join("server")
  const { addressOf, kill } = Context.get(network, MemoryNetwork.MemoryNetwork)
  const there = { ...host, address: addressOf("server")?.join(".") ?? "", flowPort: far.flowPort }
  return { host, reach: near.reach(there), dial: near.dial(there), serve: far.serve, kill: kill("server") }
})
