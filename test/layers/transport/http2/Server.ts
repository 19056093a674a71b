/**
 * A host that echoes, on a real port, and takes JSON.
 */
import { Context, Effect, Layer, Logger, Queue, Stream } from "effect"
import * as Timeouts from "../../../../src/layers/core/Timeouts.ts"
import * as Answering from "../../../../src/layers/flow/Answering.ts"
import * as Authorizing from "../../../../src/layers/flow/Authorizing.ts"
import * as Callers from "../../../../src/layers/flow/Callers.ts"
import * as Serving from "../../../../src/layers/flow/Serving.ts"
import * as TransportConnect from "../../../../src/layers/transport/TransportConnect.ts"
import * as Rule from "../../../../src/protocol/flow/Rule.ts"
import { Transport } from "../../../../src/services/Transport.ts"
import * as Caller from "./Caller.ts"

/** Serves until the scope ends. `ended` says how its handlers failed; each does `atLast` before it is done. */
export const server = (
  config: TransportConnect.Options = {},
  flows: Serving.Config = Serving.defaults,
  atLast: Effect.Effect<void> = Effect.void,
  access: Authorizing.Guard = Authorizing.fixed(Rule.anyone)
) =>
  Effect.gen(function* () {
    const transport = Context.get(yield* Layer.build(TransportConnect.layer({ port: 0, ...config })), Transport)
    const ended = yield* Queue.unbounded<string>()
    const callers = Callers.make()
    const served = { flows: 0 }
    const endpoint = Serving.expose(
      Caller.echo,
      (flow) => {
        served.flows += 1
        return Stream.runForEach(flow.batches, (batch) => flow.sendAll(batch)).pipe(
          Effect.andThen(atLast),
          Effect.tapError((error) => Queue.offer(ended, Caller.reasonOf(error)))
        )
      },
      { context: Context.empty(), config: flows, access }
    )
    const json = Serving.expose(Caller.json, (flow) => Stream.runDrain(flow.messages), {
      context: Context.empty(),
      config: flows,
      access: Authorizing.fixed(Rule.anyone)
    })
    const find = (name: string) => (name === Caller.json.name ? json : endpoint)
    const opening = yield* Timeouts.make(flows.openTimeout)
    yield* transport.serve((link) => Answering.answer(link, { self: "server", find, opening, callers }))
    return { callers, ended, port: transport.flowPort, served }
  })

/** The same with its log: it holds the addresses of loopback to its bounds, and asks for no signs of life. */
export const limited = (config: TransportConnect.Options = {}, flows?: Serving.Config) =>
  Effect.gen(function* () {
    const log: Array<string> = []
    const logger = Logger.layer([
      // At Info a host says where it listens.
      Logger.make(({ logLevel, message }) => void (logLevel !== "Info" && log.push(String(message))))
    ])
    const keepalive = { interval: "1 hour", timeout: "1 second" } as const
    const host = yield* Effect.provide(server({ limitsLoopback: true, keepalive, ...config }, flows), logger)
    return { ...host, log }
  })
