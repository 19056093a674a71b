/**
 * Hosts in processes of their own: what a kill, a stop and a close do to the others and leave behind.
 */
import { assert, describe, it } from "@effect/vitest"
import { Context, Deferred, Duration, Effect, Exit, Layer, Schedule, Schema, Scope, Stream } from "effect"
import {
  Fabric,
  FabricMesh,
  type FlowError,
  Gossip,
  GossipSocketNode,
  GossipSwim,
  Grinta,
  Registry,
  RegistryGossip,
  SelfLive,
  Transport,
  TransportConnect
} from "../../src/index.ts"
import { Echo, Hold, Once } from "./child.ts"
import { type Child, child, childWith, Ended, Report, type Said } from "./spawn.ts"

const eventually = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.retry(effect, Schedule.spaced("50 millis")).pipe(Effect.timeout("20 seconds"))

/** A host in this process whose keepalive is as given; gossip is far too slow to notice anything within a test. */
const hostWith = (keepalive: TransportConnect.Config["keepalive"], seed: string) =>
  Layer.build(
    FabricMesh.layer.pipe(
      Layer.provideMerge(RegistryGossip.layer),
      Layer.provideMerge(
        GossipSwim.layer({
          fabric: "",
          seeds: [seed],
          meta: { flowPort: 0 },
          profile: { probeIntervalMillis: 3_600_000, probeTimeoutMillis: 1_800_000 }
        })
      ),
      Layer.provideMerge(
        Layer.mergeAll(
          SelfLive.layer({ name: "tester" }),
          GossipSocketNode.layer({ host: "127.0.0.1", port: 0 }),
          TransportConnect.layer({ port: 0, keepalive })
        )
      )
    )
  )

const openHold = (context: Context.Context<Fabric>) =>
  Effect.gen(function* () {
    const flow = yield* eventually(Context.get(context, Fabric).connect(Hold))
    assert.deepStrictEqual([...(yield* flow.receive)], [1])
    yield* flow.send(Uint8Array.of(2))
    return flow
  })

const lost = (error: FlowError | { readonly _tag: "Done" }) => {
  assert.strictEqual(error._tag, "FlowError")
  if (error._tag !== "FlowError") return
  assert.strictEqual(error.reason._tag, "PeerLost")
  assert.strictEqual(error.delivered, "maybe")
}

/** Waits for a long time until something is so. */
const until = (isSo: () => boolean) =>
  Effect.sync(isSo).pipe(
    Effect.repeat({ schedule: Schedule.spaced("50 millis"), until: (found) => found }),
    Effect.timeout("60 seconds")
  )

/** What a child says from now on. */
const reportsOf = Effect.fnUntraced(function* ({ line }: Child) {
  const reports: Array<Said> = []
  yield* Effect.forkScoped(
    Effect.forever(
      Effect.flatMap(line, (text) =>
        Effect.ignore(Effect.map(Schema.decodeEffect(Report)(text), (report) => reports.push(report)))
      )
    )
  )
  return reports
})

/** By how much the event loop of a child was late since this was last asked. */
const lagOf = Effect.fnUntraced(function* ({ process }: Child, reports: ReadonlyArray<Said>) {
  const from = reports.length
  const found = () => reports.slice(from).find((report) => "lag" in report)
  process.stdin?.write("lag\n")
  yield* until(() => found() !== undefined)
  return found()?.lag ?? 0
})

/** Who is later than this, as on a machine that does too much, may be suspected; who is blocked for longer than so may die. */
const lateMillis = 400
const blockMillis = 3000

describe("hosts in processes of their own", () => {
  it.live("SIGKILL: the flow errors on the reset of the connection, long before keepalive or gossip could tell", () =>
    Effect.gen(function* () {
      const peer = yield* child("killed")
      const context = yield* hostWith({ interval: "1 hour", timeout: "1 hour" }, peer.where.gossip)
      const flow = yield* openHold(context)
      peer.process.kill("SIGKILL")
      lost(yield* Effect.flip(flow.receive).pipe(Effect.timeout("10 seconds")))
      lost(yield* Effect.flip(flow.send(Uint8Array.of(3))))
    })
  )

  it.live("SIGSTOP: the flow errors by keepalive, and the stopped side learns it when it goes on", () =>
    Effect.gen(function* () {
      const peer = yield* child("stopped")
      const context = yield* hostWith({ interval: "300 millis", timeout: "200 millis" }, peer.where.gossip)
      const flow = yield* openHold(context)
      peer.process.kill("SIGSTOP")
      const [elapsed, error] = yield* Effect.timed(Effect.flip(flow.receive).pipe(Effect.timeout("10 seconds")))
      lost(error)
      assert.isAtLeast(Duration.toMillis(elapsed), 150)
      peer.process.kill("SIGCONT")
      const { ended } = yield* Effect.flatMap(peer.line, Schema.decodeEffect(Ended)).pipe(
        Effect.retry(Schedule.forever),
        Effect.timeout("10 seconds")
      )
      assert.strictEqual(ended, "PeerLost")
    })
  )

  it.live("SIGSTOP: of connects that failed meanwhile no handler starts when the host goes on", () =>
    Effect.gen(function* () {
      const peer = yield* child("stopped")
      const context = yield* hostWith({ interval: "1 hour", timeout: "1 hour" }, peer.where.gossip)
      const reports = yield* reportsOf(peer)
      const served = () => reports.filter((report) => "served" in report).length
      const call = (timeout: Duration.Input) => {
        const connecting = Context.get(context, Fabric).connect(Once, { timeout })
        return Effect.scoped(
          Effect.flatMap(connecting, (flow) => Effect.andThen(flow.end, Stream.runDrain(flow.messages)))
        )
      }
      yield* eventually(call("10 seconds"))
      yield* until(() => served() === 1)
      peer.process.kill("SIGSTOP")
      for (let i = 0; i < 5; i++) {
        const error = yield* Effect.flip(call("200 millis"))
        assert.isTrue(error._tag === "NetworkError" && error.reason._tag === "Timeout" && error.delivered === "no")
      }
      peer.process.kill("SIGCONT")
      // It comes behind them on the same connection.
      yield* call("20 seconds")
      yield* until(() => served() > 1)
      assert.strictEqual(served(), 2)
    })
  )

  it.live("gossip ends the flows of a host that it declares dead, both ways, where keepalive would still wait", () =>
    Effect.gen(function* () {
      const peer = yield* child("silent")
      const gossip = (flowPort: number) =>
        GossipSwim.layer({
          fabric: "",
          seeds: [peer.where.gossip],
          meta: { flowPort },
          profile: { probeIntervalMillis: 200, probeTimeoutMillis: 100, suspicionMult: 2 }
        })
      const context = yield* Layer.build(
        FabricMesh.layer.pipe(
          Layer.provideMerge(RegistryGossip.layer),
          Layer.provideMerge(Layer.unwrap(Effect.map(Transport, ({ flowPort }) => gossip(flowPort)))),
          Layer.provideMerge(
            Layer.mergeAll(
              SelfLive.layer({ name: "tester" }),
              GossipSocketNode.layer({ host: "127.0.0.1", port: 0 }),
              TransportConnect.layer({ port: 0, keepalive: { interval: "1 hour", timeout: "1 hour" } })
            )
          )
        )
      )
      const flow = yield* eventually(Context.get(context, Fabric).connect(Hold, { select: { host: "silent" } }))
      assert.deepStrictEqual([...(yield* flow.receive)], [1])
      yield* flow.send(Uint8Array.of(2))
      const held = yield* Deferred.make<void>()
      const ended = yield* Deferred.make<string>()
      yield* Context.get(context, Fabric).expose(Hold, (incoming) =>
        Effect.andThen(incoming.receive, Deferred.succeed(held, undefined)).pipe(
          Effect.andThen(incoming.receive),
          Effect.catchTag("FlowError", ({ reason }) => Deferred.succeed(ended, reason._tag)),
          Effect.ignore
        )
      )
      peer.process.stdin?.write("call tester\n")
      yield* Effect.timeout(Deferred.await(held), "20 seconds")
      peer.process.kill("SIGSTOP")
      lost(yield* Effect.flip(flow.receive).pipe(Effect.timeout("25 seconds")))
      assert.strictEqual(yield* Effect.timeout(Deferred.await(ended), "1 second"), "PeerLost")
      const owners = yield* Context.get(context, Registry).resolve("hold")
      assert.deepStrictEqual(
        owners.map(({ host }) => host.id),
        ["tester"]
      )
      peer.process.kill("SIGKILL")
    })
  )

  it.live(
    "a host that is busy for three seconds is not dead, and accuses nobody that was not late itself",
    () =>
      Effect.gen(function* () {
        const names = ["h0", "h1", "h2", "h3"]
        const first = yield* childWith("lan", "h0")
        const others = yield* Effect.forEach(names.slice(1), (name) => childWith("lan", name, first.where.gossip))
        const children = [first, ...others]
        const context = yield* Layer.build(
          Grinta.layer({ name: "tester", seeds: [first.where.gossip], listen: { gossipPort: 0, flowPort: 0 } })
        )
        const gossip = Context.get(context, Gossip)
        const statuses = Effect.map(gossip.members, (members) => members.map(({ status }) => status).join(" "))
        const allAlive = eventually(
          Effect.filterOrFail(
            statuses,
            (found) => found === "alive alive alive alive alive",
            () => "not yet"
          )
        )
        yield* allAlive
        const said = yield* Effect.forEach(children, reportsOf)
        const lags = Effect.forEach(children, (child, i) => lagOf(child, said[i] ?? []))
        yield* lags
        for (const [i, busy] of children.entries()) {
          const from = said.map(({ length }) => length)
          const news = () => said.map((reports, who) => reports.slice(from[who]))
          busy.process.stdin?.write(`block ${blockMillis}\n`)
          yield* until(() => news()[i]?.some((report) => "awake" in report) ?? false)
          yield* allAlive
          const late = new Map((yield* lags).map((lag, who) => [names[who], lag]))
          const lateness = (name: string): number => late.get(name) ?? Number.POSITIVE_INFINITY
          const accusations = news().flatMap((reports, who) =>
            reports.flatMap((report) => ("accused" in report ? [{ ...report, who: names[who] ?? "" }] : []))
          )
          const wrong = accusations.filter(
            ({ accused, as, by, who }) =>
              (who === names[i] && by.includes(who) && lateness(accused) < lateMillis) ||
              (as === "dead" && lateness(accused) < blockMillis + lateMillis)
          )
          assert.deepStrictEqual(wrong, [])
        }
      }),
    180_000
  )

  it.live("a closed host leaves nothing behind: its process ends by itself, and the others know that it left", () =>
    Effect.gen(function* () {
      const first = yield* child("stays")
      const second = yield* child("goes", first.where.gossip)
      const scope = yield* Scope.make()
      const context = yield* Layer.buildWithScope(
        Grinta.layer({
          name: "watcher",
          seeds: [first.where.gossip],
          listen: { gossipPort: 0, flowPort: 0 },
          profile: "local"
        }),
        scope
      )
      const gossip = Context.get(context, Gossip)
      const fabric = Context.get(context, Fabric)
      const flow = yield* eventually(fabric.connect(Echo, { select: { host: "goes" } })).pipe(Scope.provide(scope))
      yield* flow.send(Uint8Array.of(1))
      assert.deepStrictEqual([...(yield* flow.receive)], [1])
      second.process.stdin?.end()
      assert.strictEqual(yield* Effect.timeout(second.exit, "20 seconds"), 0)
      yield* eventually(
        Effect.filterOrFail(
          gossip.members,
          (members) => members.some(({ id, status }) => id === "goes" && status === "left"),
          () => "not yet"
        )
      )
      yield* Scope.close(scope, Exit.void)
      first.process.stdin?.end()
      assert.strictEqual(yield* Effect.timeout(first.exit, "20 seconds"), 0)
    })
  )
})
