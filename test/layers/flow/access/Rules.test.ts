/**
 * Rules as they are given, refused and changed: what cannot be a rule, what a refusal tells, and what becomes of flows when a rule
 * changes.
 */
import { assert, describe, it } from "@effect/vitest"
import { Cause, Context, Deferred, Effect, Exit, Fiber, Layer, Logger, Metric, References, Result } from "effect"
import { TestClock } from "effect/testing"
import {
  Access,
  Codec,
  Endpoint,
  Fabric,
  FabricLocal,
  type Flow,
  Grinta,
  type Host,
  type Member,
  type MemberChange,
  type MemberStatus,
  MemoryNetwork,
  NetworkError,
  Registry
} from "../../../../src/index.ts"
import * as Members from "../../../../src/layers/fabric/Members.ts"
import * as ReservedNames from "../../../../src/layers/registry/ReservedNames.ts"
import { asked, Echo, echo, local, reasonOf } from "./Local.ts"
import { callFrom, endpointOf, world } from "./World.ts"

const no = () => Effect.succeed(Access.deny("it is closed"))
const yes = () => Effect.succeed(Access.allow)

describe("what is given as a rule", () => {
  const wrong: ReadonlyArray<readonly [string, Access.Allow, string]> = [
    ["no rules", [], "allow"],
    ["a rule that says nothing", {}, "allow"],
    ["an empty list", { hosts: [] }, "allow.hosts"],
    ["a host that is no name", [{ hosts: ["a"] }, { hosts: ["b_c"] }], "allow[1].hosts[0]"],
    ["a malformed pattern", { certificates: ["*.shop.internal"] }, "allow.certificates[0]"],
    ["an unknown field", Object.assign({ hosts: ["a"] }, { host: "b" }), "allow"]
  ]
  it.effect.each(wrong)("is refused before the name is claimed: %s", ([, allow, setting]) =>
    Effect.gen(function* () {
      const fabric = yield* local
      const { reason } = yield* Effect.flip(fabric.expose(Echo, echo, { allow }))
      assert.isTrue(reason._tag === "InvalidConfig", String(reason))
      if (reason._tag === "InvalidConfig") assert.strictEqual(reason.setting, setting)
      const layered = yield* Effect.flip(
        Layer.build(Layer.provide(Echo.toLayer(echo, { allow }), Layer.succeed(Fabric, fabric)))
      )
      assert.strictEqual(layered.reason._tag, "InvalidConfig")
      yield* fabric.expose(Echo, echo)
    })
  )

  it.effect("is refused for a whole host, too", () =>
    Effect.gen(function* () {
      const { reason } = yield* Effect.flip(Layer.build(Access.layer({ tags: {} })))
      assert.isTrue(reason._tag === "InvalidConfig" && reason.setting === "access.tags", String(reason))
    })
  )

  it.effect("is refused where it is not beneath the host, and so would be no rule", () =>
    Effect.gen(function* () {
      const host = FabricLocal.layer({ name: "server" })
      const access = Access.layer({ hosts: ["another"] })
      const [Exposed, allowed] = [Echo.toLayer(echo), Access.layer({ hosts: ["server"] })]
      const wrong = [
        Layer.provide(Exposed, Layer.mergeAll(host, access)),
        Layer.provide(Layer.provide(Exposed, access), host),
        Layer.provide(Exposed, Layer.provideMerge(access, Layer.provide(host, allowed)))
      ]
      for (const layer of wrong) {
        const { reason } = yield* Effect.flip(Layer.build(layer))
        assert.isTrue(reason._tag === "InvalidConfig" && reason.setting === "access", String(reason))
      }
      yield* Layer.build(Layer.provide(Exposed, Layer.provide(host, access)))
      yield* Layer.build(Layer.provide(Exposed, Layer.provideMerge(host, access)))
    })
  )

  it.effect("may be a layer's as well", () =>
    Effect.gen(function* () {
      const fabric = yield* local
      const given = Layer.succeed(Fabric, fabric)
      const build = (allow: Access.Allow) => Layer.build(Layer.provide(Echo.toLayer(echo, { allow }), given))
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* build({ hosts: ["another"] })
          assert.strictEqual(yield* asked(fabric), "Unauthorized")
        })
      )
      yield* build({ hosts: ["server"] })
      assert.strictEqual(yield* asked(fabric), "served")
    })
  )
})

describe("names of the fabric itself", () => {
  const Admin = Endpoint.make("grinta.admin", { input: Codec.bytes, output: Codec.bytes })

  it.effect("are exposed by nobody else", () =>
    Effect.gen(function* () {
      const fabric = yield* local
      const { reason } = yield* Effect.flip(fabric.expose(Admin, echo))
      assert.isTrue(reason._tag === "NameInvalid" && reason.rule.includes("kept for hosts"), String(reason))
      const near = ["grinta", "grintas.admin", "a.grinta.b"]
      for (const name of near)
        yield* fabric.expose(Endpoint.make(name, { input: Codec.bytes, output: Codec.bytes }), echo)
    })
  )

  it.effect("are claimed by nobody else either, and read as any other", () =>
    Effect.gen(function* () {
      const registry = Context.get(yield* Layer.build(FabricLocal.layer()), Registry)
      const claim = registry.claim({ name: "grinta.admin", ownership: "unique", contract: 1n })
      assert.strictEqual((yield* Effect.flip(claim)).reason._tag, "NameInvalid")
      yield* Effect.provideService(claim, ReservedNames.Own, true)
      assert.lengthOf(yield* registry.resolve("grinta.admin"), 1)
    })
  )

  it.effect("are exposed by a host for its operators, and called as any other", () =>
    Effect.gen(function* () {
      const fabric = yield* local
      yield* Effect.provideService(fabric.expose(Admin, echo), ReservedNames.Own, true)
      assert.strictEqual(yield* asked(fabric, Admin), "served")
      assert.strictEqual((yield* Effect.flip(fabric.expose(Admin, echo))).reason._tag, "NameInvalid")
    })
  )
})

describe("a refusal", () => {
  it.live("tells nothing of the endpoint but that it is there", () =>
    Effect.gen(function* () {
      const { expose, flowPort } = yield* world("HTTP/2")
      yield* expose("closed", { allow: { hosts: ["nobody"] } })
      yield* expose("open", {})
      const call = (endpoint: string, contract: bigint) => callFrom(flowPort, "plain", { endpoint, contract })
      assert.strictEqual(yield* call("closed", 1n), "Unauthorized")
      assert.strictEqual(yield* call("open", 1n), "Incompatible")
      assert.strictEqual(yield* call("none", 1n), "EndpointNotFound")
      assert.strictEqual(yield* call("closed", 0n), "Unauthorized")
    }).pipe(Effect.scoped)
  )

  it.live("tells no rule", () =>
    Effect.gen(function* () {
      const { expose, fabricOf } = yield* world("memory")
      yield* expose("closed", { allow: { hosts: ["nobody"] } })
      const { reason } = yield* Effect.flip(Effect.scoped(fabricOf("db").connect(endpointOf("closed"))))
      assert.isTrue(reason._tag === "Unauthorized", String(reason))
      if (reason._tag === "Unauthorized") assert.strictEqual(reason.detail, "it may not use this endpoint")
    }).pipe(Effect.scoped)
  )

  it.effect("starts no handler and takes no place, however many there are", () =>
    Effect.gen(function* () {
      const fabric = yield* local
      let started = 0
      yield* fabric.expose(
        Echo,
        (flow) => {
          started += 1
          return echo(flow)
        },
        { allow: { hosts: ["another"] }, concurrency: 1, backlog: 0 }
      )
      for (const _ of Array(20)) assert.strictEqual(yield* asked(fabric), "Unauthorized")
      assert.strictEqual(started, 0)
    })
  )

  it.effect("is counted each time, and told in the log once", () => {
    const lines: Array<string> = []
    const logger = Logger.make(({ fiber, logLevel, message }) => {
      if (logLevel === "Warn")
        lines.push(`${message} ${JSON.stringify(fiber.getRef(References.CurrentLogAnnotations))}`)
    })
    return Effect.gen(function* () {
      const count = Effect.map(Metric.value(refused), ({ count }) => Number(count))
      const fabric = yield* local
      yield* fabric.expose(Echo, echo, { allow: [{ hosts: ["another"] }, { tags: { role: "web" } }] })
      const before = yield* count
      for (const _ of Array(50)) yield* asked(fabric)
      assert.strictEqual((yield* count) - before, 50)
      assert.lengthOf(lines, 1)
      assert.include(lines[0], 'a flow of "echo" is refused to host "server": no rule matches it')
      assert.include(lines[0], '"endpoint":"echo"')
      assert.include(lines[0], '"peer":"server"')
      assert.include(lines[0], '"rule":"endpoint: 2 rules"')
      yield* TestClock.adjust("61 seconds")
      yield* asked(fabric)
      assert.lengthOf(lines, 2)
    }).pipe(Effect.provide(Logger.layer([logger])))
  })

  it.live("is counted and told of a caller that says to be another than it has proven, too", () => {
    const lines: Array<string> = []
    const logger = Logger.make(({ logLevel, message }) => void (logLevel === "Warn" && lines.push(String(message))))
    return Effect.gen(function* () {
      const count = Effect.map(Metric.value(refused), ({ count }) => Number(count))
      const { expose, flowPort } = yield* world("TLS")
      const { started } = yield* expose("open", { allow: "anyone" })
      const before = yield* count
      for (const _ of Array(3))
        assert.strictEqual(yield* callFrom(flowPort, "probe", { endpoint: "open", caller: "db" }), "Unauthorized")
      assert.strictEqual((yield* count) - before, 3)
      assert.strictEqual(started(), 0)
      const told = lines.filter((line) => line.includes('it says that it is host "db"'))
      // Each call has a new certificate.
      assert.lengthOf(told, 3)
      assert.match(told[0] ?? "", /^a flow of "open" is refused to client "CN=a host" sha256:[0-9a-f]{64}: it says/)
    }).pipe(Effect.scoped, Effect.provide(Logger.layer([logger])))
  })

  it.effect("fills no log, by however many endpoints", () => {
    const lines: Array<string> = []
    const logger = Logger.make(({ logLevel, message }) => void (logLevel === "Warn" && lines.push(String(message))))
    return Effect.gen(function* () {
      const fabric = yield* local
      for (let i = 0; i < 40; i++) {
        const endpoint = Endpoint.make(`e${i}`, { input: Codec.bytes, output: Codec.bytes })
        yield* fabric.expose(endpoint, echo, { allow: no })
        assert.strictEqual(yield* asked(fabric, endpoint), "Unauthorized")
      }
      assert.lengthOf(lines, 16)
      yield* TestClock.adjust("61 seconds")
      assert.lengthOf(lines, 17)
      assert.include(lines[16], "24 more flows were refused")
    }).pipe(Effect.provide(Logger.layer([logger])))
  })

  it.effect("says what a function failed with, in the log alone", () => {
    const causes: Array<string> = []
    const logger = Logger.make(({ cause, message }) => causes.push(`${message} ${Cause.pretty(cause)}`))
    return Effect.gen(function* () {
      const fabric = yield* local
      yield* fabric.expose(Echo, echo, { allow: () => Effect.fail(new Error("the directory is down")) })
      const { message } = yield* Effect.flip(Effect.scoped(fabric.connect(Echo)))
      assert.notInclude(message, "directory")
      assert.isTrue(causes.some((text) => text.includes("has failed") && text.includes("the directory is down")))
    }).pipe(Effect.provide(Logger.layer([logger])))
  })
})

const refused = Metric.withAttributes(
  Metric.counter("grinta_flows_refused", {
    description: "Flows that were refused, by reason",
    incremental: true
  }),
  { reason: "Unauthorized" }
)

describe("a function that decides", () => {
  it.effect("breaks no line of the log with what it says", () => {
    const lines: Array<string> = []
    const logger = Logger.make(({ logLevel, message }) => void (logLevel === "Warn" && lines.push(String(message))))
    return Effect.gen(function* () {
      const fabric = yield* local
      yield* fabric.expose(Echo, echo, {
        allow: () => Effect.succeed(Access.deny(`no\nWARN\u001b[2J${"x".repeat(9999)}`))
      })
      assert.strictEqual(yield* asked(fabric), "Unauthorized")
      assert.lengthOf(lines, 1)
      assert.include(lines[0], "no\\u{a}WARN\\u{1b}[2J")
      assert.isBelow(lines[0]?.length ?? 0, 700)
    }).pipe(Effect.provide(Logger.layer([logger])))
  })

  it.effect("has 5 seconds, and then the caller is not let in", () =>
    Effect.gen(function* () {
      const fabric = yield* local
      let isInterrupted = false
      const allow = () => Effect.onInterrupt(Effect.never, () => Effect.sync(() => (isInterrupted = true)))
      yield* fabric.expose(Echo, echo, { allow })
      const calling = yield* Effect.forkChild(asked(fabric), { startImmediately: true })
      yield* TestClock.adjust("4900 millis")
      assert.isUndefined(calling.pollUnsafe())
      yield* TestClock.adjust("200 millis")
      assert.strictEqual(yield* Fiber.join(calling), "Unauthorized")
      assert.isTrue(isInterrupted)
    })
  )

  it.effect("is asked no more when its caller goes", () =>
    Effect.gen(function* () {
      const fabric = yield* local
      const interrupted = yield* Deferred.make<void>()
      const allow = () => Effect.onInterrupt(Effect.never, () => Deferred.succeed(interrupted, undefined))
      yield* fabric.expose(Echo, echo, { allow })
      const calling = yield* Effect.forkChild(asked(fabric), { startImmediately: true })
      yield* Effect.yieldNow
      yield* Fiber.interrupt(calling)
      yield* Deferred.await(interrupted)
    })
  )

  it.effect("is not asked about somebody whom a rule of the host refuses", () =>
    Effect.gen(function* () {
      let isAsked = false
      const allow = () =>
        Effect.sync(() => {
          isAsked = true
          return Access.allow
        })
      const layer = Layer.provide(FabricLocal.layer({ name: "server" }), Access.layer({ hosts: ["another"] }))
      const fabric = Context.get(yield* Layer.build(layer), Fabric)
      yield* fabric.expose(Echo, echo, { allow })
      assert.strictEqual(yield* asked(fabric), "Unauthorized")
      assert.isFalse(isAsked)
    })
  )

  it.effect("lets nobody in with an answer that is no decision", () =>
    Effect.gen(function* () {
      const fabric = yield* local
      const { allow } = yield* fabric.expose(Echo, echo)
      for (const answer of [true, "Allow", undefined, null, {}]) {
        yield* allow(Object.assign(() => Effect.succeed(JSON.parse(JSON.stringify({ answer })).answer)))
        assert.strictEqual(yield* asked(fabric), "Unauthorized", String(answer))
      }
    })
  )
})

/** Flows at each stage: one that is served, and one that waits for its turn behind it. */
const staged = Effect.gen(function* () {
  const fabric = yield* local
  const handled = yield* Deferred.make<string>()
  let started = 0
  const exposure = yield* fabric.expose(
    Echo,
    (flow) => {
      started += 1
      return echo(flow).pipe(
        Effect.tapError((error) => Deferred.succeed(handled, reasonOf(error))),
        Effect.asVoid
      )
    },
    { concurrency: 1 }
  )
  const flow = yield* fabric.connect(Echo)
  yield* flow.send(Uint8Array.of(1))
  yield* flow.receive
  const waiting = yield* Effect.forkChild(Effect.result(Effect.scoped(fabric.connect(Echo))), {
    startImmediately: true
  })
  for (const _ of Array(50)) yield* Effect.yieldNow
  return { fabric, exposure, flow, handled, started: () => started, waiting }
})

describe("what membership shows", () => {
  it.live("counts as it is by now, of this host as of the others", () =>
    Effect.gen(function* () {
      const { call, expose, gossipOf } = yield* world("memory")
      yield* expose("tagged", { allow: { tags: { role: "ops" } } })
      for (const who of ["db", "server"] as const) {
        assert.strictEqual(yield* call(who, "tagged"), "Unauthorized")
        yield* gossipOf(who).setTags({ role: "ops" })
        while ((yield* call(who, "tagged")) === "Unauthorized") yield* Effect.sleep("20 millis")
        yield* gossipOf(who).setTags({ role: "none" })
        while ((yield* call(who, "tagged")) !== "Unauthorized") yield* Effect.sleep("20 millis")
      }
    }).pipe(Effect.scoped, Effect.timeout("20 seconds"))
  )

  const member = (id: string, status: MemberStatus, host?: Host): Member => ({
    ...{ id, status, host, incarnation: 1, address: "10.0.0.1", port: 7946, meta: new Uint8Array() }
  })
  const hostNamed = (id: string): Host => ({
    ...{ id, generation: 1, address: "10.0.0.1", flowPort: 1, locality: "eu", tags: {} }
  })

  it.effect("is nothing of a host that is dead or has left, or of a member that is no host", () =>
    Effect.gen(function* () {
      let tell: (change: MemberChange) => Effect.Effect<void> = () => Effect.void
      const hostOf = yield* Members.make({
        members: Effect.succeed([member("a", "alive", hostNamed("a")), member("serf", "alive")]),
        onChange: (told) =>
          Effect.sync(() => {
            tell = told
          })
      })
      const become = (id: string, status: MemberStatus) =>
        tell({ member: member(id, status, hostNamed(id)), from: undefined, evidence: [] })
      assert.strictEqual(hostOf("a")?.id, "a")
      assert.isUndefined(hostOf("serf"))
      yield* become("a", "suspect")
      yield* become("b", "alive")
      assert.deepStrictEqual([hostOf("a")?.id, hostOf("b")?.id], ["a", "b"])
      yield* become("a", "dead")
      yield* become("b", "left")
      assert.deepStrictEqual([hostOf("a"), hostOf("b")], [undefined, undefined])
    })
  )
})

describe("another rule", () => {
  it.effect("holds for new flows at once, and keeps those that are open", () =>
    Effect.gen(function* () {
      const { exposure, fabric, flow } = yield* staged
      assert.strictEqual(yield* exposure.allow({ hosts: ["another"] }), 0)
      assert.strictEqual(yield* asked(fabric), "Unauthorized")
      yield* flow.send(Uint8Array.of(2))
      assert.deepStrictEqual([...(yield* flow.receive)], [2])
      yield* exposure.allow("members")
    })
  )

  it.effect("is asked about flows that wait for their turn, before their handlers start", () =>
    Effect.gen(function* () {
      const { exposure, flow, started, waiting } = yield* staged
      assert.strictEqual(yield* exposure.allow({ hosts: ["another"] }), 0)
      yield* flow.end
      const waited = yield* Fiber.join(waiting)
      assert.isTrue(Result.isFailure(waited) && waited.failure.reason._tag === "Unauthorized", String(waited))
      assert.strictEqual(started(), 1)
    })
  )

  it.effect("lets them have their turn, where it lets them in", () =>
    Effect.gen(function* () {
      const { exposure, flow, waiting } = yield* staged
      yield* exposure.allow({ hosts: ["another"] })
      yield* exposure.allow(yes)
      yield* flow.end
      assert.isTrue(Result.isSuccess(yield* Fiber.join(waiting)))
    })
  )

  it.effect("ends those that are open where that is asked for, also those that wait for their turn", () =>
    Effect.gen(function* () {
      const { exposure, flow, handled, waiting } = yield* staged
      assert.strictEqual(yield* exposure.allow({ hosts: ["another"] }, { openFlows: "end" }), 2)
      const error = yield* Effect.flip(flow.receive)
      assert.isTrue(error._tag === "FlowError" && error.reason._tag === "FlowReset", String(error))
      assert.include(String(error), "this caller may not use the endpoint any more")
      assert.strictEqual(yield* Deferred.await(handled), "FlowClosed")
      const waited = yield* Fiber.join(waiting)
      assert.isTrue(Result.isFailure(waited) && waited.failure.reason._tag === "Unauthorized", String(waited))
    })
  )

  it.effect("keeps the open flows that it lets in", () =>
    Effect.gen(function* () {
      const { exposure, flow } = yield* staged
      assert.strictEqual(yield* exposure.allow({ hosts: ["server"] }, { openFlows: "end" }), 0)
      assert.strictEqual(yield* exposure.allow(yes, { openFlows: "end" }), 0)
      yield* flow.send(Uint8Array.of(2))
      assert.deepStrictEqual([...(yield* flow.receive)], [2])
    })
  )

  it.effect("is none with anything but a word on open flows", () =>
    Effect.gen(function* () {
      const { exposure, flow } = yield* staged
      const odd = '["END", true, null, "end", { "openflows": "end" }, { "openFlows": "END" }, { "openFlows": null }]'
      for (const options of JSON.parse(odd)) {
        const { reason } = yield* Effect.flip(exposure.allow({ hosts: ["another"] }, options))
        assert.isTrue(reason._tag === "InvalidConfig" && reason.setting === "openFlows", String(reason))
      }
      assert.strictEqual(yield* exposure.allow("members", { openFlows: "end" }), 0)
      yield* flow.send(Uint8Array.of(2))
      assert.deepStrictEqual([...(yield* flow.receive)], [2])
    })
  )

  it.effect("lets nobody in where the name is exposed no more", () =>
    Effect.gen(function* () {
      const fabric = yield* local
      const { allow } = yield* Effect.scoped(fabric.expose(Echo, echo))
      assert.strictEqual(yield* allow("anyone", { openFlows: "end" }), 0)
      assert.strictEqual(yield* asked(fabric), "EndpointNotFound")
    })
  )

  it.effect("that is none changes nothing", () =>
    Effect.gen(function* () {
      const { exposure, flow, waiting } = yield* staged
      const { reason } = yield* Effect.flip(exposure.allow([], { openFlows: "end" }))
      assert.strictEqual(reason._tag, "InvalidConfig")
      yield* flow.send(Uint8Array.of(2))
      yield* flow.receive
      yield* flow.end
      assert.isTrue(Exit.isFailure(yield* Effect.exit(flow.receive)))
      assert.isTrue(Result.isSuccess(yield* Fiber.join(waiting)))
    })
  )

  it.effect("is asked in place of the one before, which was about to let somebody in", () =>
    Effect.gen(function* () {
      const fabric = yield* local
      const decided = yield* Deferred.make<Access.Decision>()
      const { allow } = yield* fabric.expose(Echo, echo, { allow: () => Deferred.await(decided) })
      const calling = yield* Effect.forkChild(asked(fabric), { startImmediately: true })
      yield* Effect.yieldNow
      yield* allow({ hosts: ["another"] })
      yield* Deferred.succeed(decided, Access.allow)
      assert.strictEqual(yield* Fiber.join(calling), "Unauthorized")
    })
  )

  it.live("ends flows from other hosts over TLS, and no others", () =>
    Effect.gen(function* () {
      const { expose, fabricOf } = yield* world("TLS")
      const { exposure } = yield* expose("live", {})
      const open = (who: "web.1" | "db") =>
        Effect.tap(fabricOf(who).connect(endpointOf("live")), (flow) => flow.receive)
      const [web, db] = [yield* open("web.1"), yield* open("db")]
      assert.strictEqual(yield* exposure.allow({ tags: { role: "web" } }, { openFlows: "end" }), 1)
      const error = yield* Effect.flip(db.receive)
      assert.strictEqual(reasonOf(error), "FlowReset", String(error))
      yield* web.send(Uint8Array.of(1))
      yield* web.end
      assert.isTrue(Cause.isDone(yield* Effect.flip(web.receive)))
    }).pipe(Effect.scoped)
  )
})

describe("owners of one name", () => {
  /** Two owners on one network, of which the first lets nobody in, and a caller beside them. */
  const owners = (options: { readonly ownersDiffer: boolean; readonly second: Access.Allow }) =>
    Effect.gen(function* () {
      const network = yield* Layer.build(MemoryNetwork.layer())
      const host = (name: string) =>
        Effect.map(
          Layer.build(
            Layer.provide(Grinta.layerMemory({ name, seeds: name === "a" ? [] : ["a"] }), Layer.succeedContext(network))
          ),
          (built) => ({ fabric: Context.get(built, Fabric), registry: Context.get(built, Registry) })
        )
      const [a, b, caller] = [yield* host("a"), yield* host("b"), yield* host("caller")]
      let started = 0
      const served = (flow: Flow<Uint8Array, Uint8Array>) => {
        started += 1
        return echo(flow)
      }
      const { ownersDiffer } = options
      yield* a.fabric.expose(Echo, served, { allow: { hosts: ["nobody"] }, ownersDiffer })
      yield* b.fabric.expose(Echo, served, { allow: options.second, ownersDiffer })
      while ((yield* caller.registry.resolve("echo")).length < 2) yield* Effect.sleep("10 millis")
      /** Asks until the first one was asked first, since owners that are equally near are drawn by chance. */
      const ask = (key: string, wait = false) =>
        Effect.scoped(
          Effect.gen(function* () {
            const flow = yield* caller.fabric.connect(Echo, { select: { key }, wait })
            yield* flow.send(Uint8Array.of(1))
            yield* flow.receive
            return "served"
          })
        ).pipe(Effect.catch((error) => Effect.succeed(error)))
      return { ask, started: () => started }
    })

  const keys = ["k1", "k2", "k3", "k4", "k5", "k6", "k7", "k8"]

  it.live("are asked no further once one has refused: its answer is that of all", () =>
    Effect.gen(function* () {
      const { ask, started } = yield* owners({ ownersDiffer: false, second: "members" })
      const answers = yield* Effect.forEach(keys, (key) => ask(key, true))
      const failed = answers.filter((answer) => answer !== "served")
      assert.isAbove(failed.length, 0)
      assert.isBelow(failed.length, keys.length)
      assert.strictEqual(started(), keys.length - failed.length)
      for (const error of failed) {
        assert.strictEqual(reasonOf(error), "Unauthorized")
        assert.include(String(error), '"a" refused this caller')
      }
    }).pipe(Effect.scoped)
  )

  it.live("are asked in turn where they say that they differ", () =>
    Effect.gen(function* () {
      const { ask } = yield* owners({ ownersDiffer: true, second: "members" })
      for (const key of keys) assert.strictEqual(yield* ask(key), "served")
    }).pipe(Effect.scoped)
  )

  it.live("that all refuse are all told", () =>
    Effect.gen(function* () {
      const { ask, started } = yield* owners({ ownersDiffer: true, second: no })
      const error = yield* ask("k1", true)
      assert.isTrue(error instanceof NetworkError && error.reason._tag === "Unauthorized", String(error))
      if (error instanceof NetworkError)
        assert.sameMembers(
          (error.tried ?? []).map(({ host }) => host),
          ["a", "b"]
        )
      assert.strictEqual(started(), 0)
    }).pipe(Effect.scoped)
  )
})
