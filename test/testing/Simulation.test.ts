import { assert, describe } from "@effect/vitest"
import { Cause, Clock, Console, Deferred, Effect, Exit, Fiber, Option, Schema, Stream } from "effect"
import { TestClock } from "effect/testing"
import { Endpoint, Fabric, type Flow, type FlowError, Gossip, Registry, Self } from "../../src/index.ts"
import { Simulation } from "../../src/testing/index.ts"
import { epochMillis } from "../../src/testing/Process.ts"
import { it } from "../../src/testing/vitest.ts"

const Echo = Endpoint.make("echo", { input: Schema.Number, output: Schema.Number })
const EchoLive = Echo.toLayer((flow) => Stream.runForEach(flow.messages, flow.send))

const ask = (value: number) =>
  Effect.gen(function* () {
    const flow = yield* (yield* Fabric).connect(Echo)
    yield* flow.send(value)
    return yield* flow.receive
  })

/** Keeps a flow, and gives how it ends and when. */
const lost = (sim: Simulation.Simulation, connected: Deferred.Deferred<void>) =>
  Effect.gen(function* () {
    const flow = yield* (yield* Fabric).connect(Echo)
    yield* flow.send(1)
    yield* flow.receive
    yield* Deferred.succeed(connected, undefined)
    const error = yield* Effect.flip(flow.receive)
    return { error, atMillis: sim.nowMillis() }
  })

const reasonOf = (error: { readonly _tag: string } | FlowError): string =>
  "reason" in error ? error.reason._tag : error._tag

/** Runs without printing what it says of a failure, and gives that. */
const failing = <A, E>(
  options: Simulation.Options,
  test: (sim: Simulation.Simulation) => Effect.Effect<A, E>
): Effect.Effect<{ readonly exit: Exit.Exit<A, unknown>; readonly printed: string; readonly tookMillis: number }> =>
  Effect.gen(function* () {
    const printed: Array<string> = []
    const outer = yield* Console.Console
    const quiet = { ...outer, error: (...texts: ReadonlyArray<unknown>) => printed.push(texts.map(String).join(" ")) }
    const began = performance.now()
    const exit = yield* Effect.exit(Effect.provideService(Simulation.run(options, test), Console.Console, quiet))
    return { exit, printed: printed.join("\n"), tookMillis: performance.now() - began }
  })

const failureOf = (exit: Exit.Exit<unknown, unknown>): string =>
  Exit.isFailure(exit)
    ? Option.match(Cause.findErrorOption(exit.cause), {
        onNone: () => String(Cause.squash(exit.cause)),
        onSome: (error) =>
          error instanceof Simulation.SimulationFailed ? `${error.how}: ${error.detail}` : String(error)
      })
    : "it succeeded"

describe("a simulation", () => {
  it.fabric(3, "begins with hosts that know each other, and calls go between them", (sim) =>
    Effect.gen(function* () {
      yield* sim.converged
      yield* sim.serve("h1", EchoLive)
      yield* sim.settledWithin("1 second")
      assert.strictEqual(yield* sim.on("h3", ask(7)), 7)
    })
  )

  it.fabric(2, "lets time pass as the test does, at once", (sim) =>
    Effect.gen(function* () {
      const began = performance.now()
      const from = sim.nowMillis()
      yield* sim.advance("1 minute")
      yield* Effect.sleep("1 minute")
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(sim.nowMillis() - from, 180_000)
      assert.strictEqual(yield* Clock.currentTimeMillis, epochMillis + sim.nowMillis())
      assert.isBelow(performance.now() - began, 10_000)
    })
  )

  it.live("is the same for the same seed, and another one for another", () =>
    Effect.gen(function* () {
      const network = {
        latency: "3 millis",
        jitter: "20 millis",
        loss: 0.1,
        duplication: 0.05,
        reordering: 0.1
      } as const
      const run = (seed: string) =>
        Simulation.run({ hosts: 4, seed, network }, (sim) =>
          Effect.gen(function* () {
            yield* sim.serve("h1", EchoLive)
            yield* sim.play([
              { at: "2 seconds", do: "cut", from: "h1", to: "h2" },
              { at: "5 seconds", do: "pause", host: "h3" },
              { at: "9 seconds", do: "resume", host: "h3" },
              { at: "20 seconds", do: "heal" },
              { at: "21 seconds", do: "restart", host: "h4" }
            ])
            yield* sim.advance("20 seconds")
            const heard = yield* Effect.exit(sim.on("h4", ask(1)))
            return { trace: sim.trace().join("\n"), hash: sim.hash(), heard: String(heard) }
          })
        )
      const [first, again, other] = [yield* run("a"), yield* run("a"), yield* run("b")]
      assert.deepStrictEqual(again, first)
      assert.notStrictEqual(other.hash, first.hash)
      assert.isAbove(first.trace.split("\n").length, 10)
    })
  )

  it.live(
    "takes no more than 2 s for ten minutes of ten quiet hosts",
    () =>
      Effect.gen(function* () {
        const took = Effect.gen(function* () {
          const began = process.cpuUsage()
          yield* Simulation.run({ hosts: 10 }, (sim) => sim.advance("10 minutes"))
          const { system, user } = process.cpuUsage(began)
          return (system + user) / 1000
        })
        // The better of two, in time of the processor, of which a machine with other work gives less for as much.
        const both = [yield* took, yield* took]
        console.log(`ten minutes of ten quiet hosts: ${both.map((millis) => Math.round(millis)).join(", ")} ms`)
        assert.isBelow(Math.min(...both), 6_000)
      }),
    120_000
  )
})

describe("faults", () => {
  const cases = [
    ["a process that dies", "crash", "PeerLost", 0, 100],
    ["a machine that loses its power", "power", "PeerLost", 4_000, 6_500],
    ["a process that is stopped", "pause", "PeerLost", 4_000, 6_500],
    ["a way that is cut", "cut", "PeerLost", 4_000, 6_500],
    ["connections that are cut while datagrams pass", "tcp", "PeerLost", 4_000, 6_500],
    ["a way that is cut to the host", "to", "PeerLost", 4_000, 7_500],
    ["a way that is cut from the host", "from", "PeerLost", 4_000, 7_500],
    ["a host that closes", "stop", "FlowReset", 0, 6_000]
  ] as const

  for (const [name, what, reason, least, most] of cases)
    it.fabric(3, `a flow ends as over HTTP/2, in the same time: ${name}`, (sim) =>
      Effect.gen(function* () {
        yield* sim.serve("h1", EchoLive)
        yield* sim.settledWithin("1 second")
        const connected = yield* Deferred.make<void>()
        const losing = yield* Effect.forkChild(sim.on("h2", lost(sim, connected)))
        yield* Deferred.await(connected)
        yield* sim.advance("3 seconds")
        const began = sim.nowMillis()
        if (what === "crash") yield* sim.crash("h1")
        else if (what === "power") yield* sim.crash("h1", "lost")
        else if (what === "pause") yield* sim.pause("h1")
        else if (what === "cut") yield* sim.cut("h1", "h2")
        else if (what === "tcp") yield* sim.cut("h1", "h2", "tcp")
        else if (what === "to") yield* sim.inject({ do: "deafen", from: "h2", to: "h1" })
        else if (what === "from") yield* sim.inject({ do: "deafen", from: "h1", to: "h2" })
        else yield* sim.stop("h1")
        const { atMillis, error } = yield* Fiber.join(losing)
        assert.strictEqual(reasonOf(error), reason)
        assert.isAtLeast(atMillis - began, least)
        assert.isAtMost(atMillis - began, most)
      })
    )

  it.fabric(3, "a flow goes on while datagrams alone are cut, and through a pause of 4 seconds", (sim) =>
    Effect.gen(function* () {
      yield* sim.serve("h1", EchoLive)
      yield* sim.settledWithin("1 second")
      yield* sim
        .on(
          "h2",
          Effect.gen(function* () {
            const flow = yield* (yield* Fabric).connect(Echo)
            const echo = (value: number) => Effect.andThen(flow.send(value), flow.receive)
            assert.strictEqual(yield* echo(1), 1)
            yield* Effect.sleep("20 seconds")
            assert.strictEqual(yield* echo(2), 2)
          })
        )
        .pipe(
          Effect.race(
            Effect.andThen(
              sim.play([
                { at: 0, do: "cut", from: "h1", to: "h2", protocol: "udp" },
                { at: "5 seconds", do: "pause", host: "h1" },
                { at: "9 seconds", do: "resume", host: "h1" }
              ]),
              Effect.never
            )
          )
        )
    })
  )

  it.fabric(5, "a fabric that is split becomes one again, and no name of the dead stays", (sim) =>
    Effect.gen(function* () {
      for (const host of ["h1", "h4"]) yield* sim.serve(host, EchoLive)
      yield* sim.partition(["h1", "h2"], ["h3", "h4", "h5"])
      yield* sim.advance("1 minute")
      const apart = yield* Effect.exit(sim.converged)
      assert.include(failureOf(apart), "unsettled")
      yield* sim.crash("h5")
      yield* sim.heal
      assert.isBelow(yield* sim.settledWithin("2 minutes"), 120_000)
      yield* sim.start("h5")
      yield* sim.settledWithin("30 seconds")
    })
  )

  it.fabric(3, "a host that crashes and starts again serves what it served, as another life", (sim) =>
    Effect.gen(function* () {
      yield* sim.serve("h1", EchoLive)
      const generation = Effect.map(Self, (self) => self.generation)
      const before = yield* sim.on("h1", generation)
      yield* sim.crash("h1")
      yield* sim.advance("1 minute")
      assert.lengthOf(
        yield* sim.on(
          "h2",
          Effect.flatMap(Registry, ({ scan }) => scan(""))
        ),
        0
      )
      yield* sim.start("h1")
      yield* sim.settledWithin("10 seconds")
      assert.isAbove(yield* sim.on("h1", generation), before)
      assert.strictEqual(yield* sim.on("h2", ask(3)), 3)
    })
  )

  it.fabric(2, "a wall clock that jumps and one that is skewed kill nobody", (sim) =>
    Effect.gen(function* () {
      const wall = Clock.currentTimeMillis
      yield* sim.inject({ do: "jump", host: "h1", by: "-1 hour" })
      yield* sim.inject({ do: "skew", host: "h2", rate: 1.2 })
      const [h1, h2] = [yield* sim.on("h1", wall), yield* sim.on("h2", wall)]
      assert.isBelow(h1, epochMillis - 3_500_000)
      yield* sim.advance("10 minutes")
      assert.closeTo((yield* sim.on("h2", wall)) - h2, 720_000, 100)
      assert.closeTo((yield* sim.on("h1", wall)) - h1, 600_000, 100)
      assert.isFalse(sim.trace().some((line) => line.includes("dead")))
      yield* sim.converged
    })
  )

  it.fabric(2, "nothing of a host runs while it is paused, or once it has crashed", (sim) =>
    Effect.gen(function* () {
      const ran: Array<string> = []
      const ticking = (name: string) =>
        Effect.forever(
          Effect.andThen(
            Effect.sleep("100 millis"),
            Effect.sync(() => ran.push(name))
          )
        ).pipe(Effect.ensuring(Effect.sync(() => ran.push("finalizer"))))
      const first = yield* Effect.forkChild(Effect.exit(sim.on("h1", ticking("h1"))))
      yield* sim.advance("1 second")
      assert.isAtLeast(ran.length, 9)
      yield* sim.pause("h1")
      ran.length = 0
      yield* sim.advance("1 minute")
      assert.deepStrictEqual(ran, [])
      yield* sim.resume("h1")
      yield* sim.advance("250 millis")
      assert.isAtLeast(ran.length, 2)
      yield* sim.crash("h1")
      ran.length = 0
      assert.include(failureOf(yield* Fiber.join(first)), "down")
      yield* sim.advance("1 minute")
      assert.deepStrictEqual(ran, [])
    })
  )

  it.fabric(
    { hosts: 2, network: { latency: "50 millis", jitter: "10 millis" } },
    "a caller that is interrupted is heard at the other side within one round trip",
    (sim) =>
      Effect.gen(function* () {
        const [begun, over] = [yield* Deferred.make<void>(), yield* Deferred.make<number>()]
        const handler = Effect.fnUntraced(function* ({ receive }: Flow<number, number>) {
          yield* Effect.orDie(receive)
          yield* Deferred.succeed(begun, undefined)
          yield* Effect.exit(receive)
          yield* Deferred.succeed(over, sim.nowMillis())
        })
        yield* sim.serve("h1", Echo.toLayer(handler))
        yield* sim.settledWithin("2 seconds")
        const asking = yield* Effect.forkChild(sim.on("h2", ask(1)))
        yield* Deferred.await(begun)
        yield* sim.advance("1 second")
        const interruptedAt = sim.nowMillis()
        yield* Fiber.interrupt(asking)
        assert.isAtMost((yield* Deferred.await(over)) - interruptedAt, 120)
      })
  )

  it.fabric(
    { hosts: 2, network: { bitsPerSecond: 8_000_000, latency: "10 millis" } },
    "bandwidth bounds a flow",
    (sim) =>
      Effect.gen(function* () {
        const Upload = Endpoint.make("upload", { input: Schema.String, output: Schema.Void })
        yield* sim.serve(
          "h1",
          Upload.toLayer((flow) => Stream.runDrain(flow.messages))
        )
        yield* sim.settledWithin("1 second")
        const began = sim.nowMillis()
        yield* sim.on(
          "h2",
          Effect.gen(function* () {
            const flow = yield* (yield* Fabric).connect(Upload)
            for (let i = 0; i < 100; i++) yield* flow.send("x".repeat(100_000))
            yield* flow.end
            yield* Stream.runDrain(flow.messages)
          })
        )
        // Ten megabytes at one a second.
        assert.isAbove(sim.nowMillis() - began, 9_900)
        assert.isBelow(sim.nowMillis() - began, 12_000)
      })
  )
})

describe("what is wrong with a test", () => {
  const bad: ReadonlyArray<readonly [string, (sim: Simulation.Simulation) => Effect.Effect<unknown, unknown>, string]> =
    [
      ["an unknown host", (sim) => sim.crash("h9"), 'unknown: there is no host "h9"; there are h1, h2'],
      ["something to do on an unknown host", (sim) => sim.on("x", Effect.void), 'unknown: there is no host "x"'],
      [
        "an unknown host in a list of steps, before the first",
        (sim) =>
          sim
            .play([
              { at: 0, do: "crash", host: "h1" },
              { at: 1, do: "pause", host: "h3" }
            ])
            .pipe(Effect.tapError(() => sim.on("h1", Effect.void))),
        'unknown: there is no host "h3"'
      ],
      ["time that runs backwards", (sim) => sim.advance("-1 second"), "time: time does not run backwards"],
      ["a test clock that does", () => TestClock.setTime(0), "time does not run backwards"],
      [
        "steps that do",
        (sim) =>
          sim.play([
            { at: 5, do: "heal" },
            { at: 4, do: "heal" }
          ]),
        'time: step "heal" is at 4 ms, after one at 5 ms'
      ],
      ["a test that waits for what never happens", () => Effect.never, "stuck: the test has waited for 300 s"],
      [
        "a test that waits on a host for what never happens",
        (sim) => sim.on("h1", Effect.never),
        "stuck: the test has waited for 300 s"
      ],
      ["a host that does not run", (sim) => Effect.andThen(sim.crash("h1"), sim.on("h1", Effect.void)), "down: "],
      ["a host that runs already", (sim) => sim.start("h1"), 'start: host "h1" runs already'],
      [
        "a host that does not start",
        (sim) =>
          sim.serve(
            "h1",
            Echo.toLayer(() => Effect.void, { concurrency: 0 })
          ),
        'start: host "h1" did not start'
      ],
      [
        "hosts that do not settle",
        (sim) =>
          Effect.andThen(sim.cut("h1", "h2"), Effect.andThen(sim.advance("1 minute"), sim.settledWithin("1 second"))),
        'unsettled: "h1" sees h1 alive'
      ]
    ]

  for (const [name, test, expected] of bad)
    it.live(`is said within a second: ${name}`, () =>
      Effect.gen(function* () {
        const { exit, printed, tookMillis } = yield* failing({ hosts: 2, seed: "bad" }, test)
        assert.include(failureOf(exit), expected)
        assert.include(printed, "bad")
        // In real time, on a machine that does other things as well.
        assert.isBelow(tookMillis, 5_000)
      })
    )

  it.live("time that stands still is noticed", () =>
    Effect.gen(function* () {
      const { exit } = yield* failing({ hosts: 1 }, (sim) => sim.on("h1", Effect.forever(Effect.yieldNow)))
      assert.include(failureOf(exit), "stuck: time stands still")
    })
  )

  it.live("a failure prints the seed, what was done, and the end of the trace; what was done does the same again", () =>
    Effect.gen(function* () {
      const breaking = (sim: Simulation.Simulation, doing: Effect.Effect<void, unknown>) =>
        Effect.gen(function* () {
          yield* doing
          yield* sim.advance("30 seconds")
          const members = yield* sim.on(
            "h3",
            Effect.flatMap(Gossip, (gossip) => gossip.members)
          )
          return yield* Effect.fail(members.map(({ id, status }) => `${id}:${status}`).join(" "))
        })
      let done: ReadonlyArray<Simulation.Step> = []
      const first = yield* failing({ hosts: 3, seed: "again" }, (sim) =>
        Effect.ensuring(
          breaking(
            sim,
            Effect.gen(function* () {
              yield* sim.advance("3 seconds")
              yield* sim.crash("h1", "lost")
              yield* sim.advance("2 seconds")
              yield* sim.pause("h2")
            })
          ),
          Effect.sync(() => {
            done = sim.steps()
          })
        )
      )
      assert.include(first.printed, 'seed "again"')
      assert.include(first.printed, `fault: {"do":"pause","host":"h2"}`)
      assert.include(first.printed, JSON.stringify(done))
      const began = done[0]?.at
      const second = yield* failing({ hosts: 3, seed: "again" }, (sim) =>
        breaking(
          sim,
          Effect.andThen(
            sim.advance(Number(began) - sim.nowMillis()),
            sim.play(done.map((step) => ({ ...step, at: Number(step.at) - Number(began) })))
          )
        )
      )
      assert.strictEqual(failureOf(second.exit), failureOf(first.exit))
      assert.strictEqual(second.printed, first.printed)
    })
  )
})
