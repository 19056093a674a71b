/**
 * grinta/testing/vitest: `it.fabric` for `@effect/vitest`, a test on simulated hosts.
 *
 * It needs `@effect/vitest`, which nothing else of the package does.
 */
import { it as base } from "@effect/vitest"
import type { Effect, Scope } from "effect"
import * as Simulation from "./Simulation.ts"

/** The variable of the environment whose text is the seed of all tests that name none. */
const seedVariable = "GRINTA_TEST_SEED"

export interface Fabric {
  /**
   * Registers a test on so many hosts, or on those of `Simulation.Options`. Its seed is its name unless said; all those that
   * name none take that of `GRINTA_TEST_SEED` when it is set.
   */
  readonly fabric: <A, E>(
    hosts: number | Simulation.Options,
    name: string,
    test: (simulation: Simulation.Simulation) => Effect.Effect<A, E, Scope.Scope>,
    timeoutMillis?: number
  ) => void
}

const fabric: Fabric["fabric"] = (hosts, name, test, timeoutMillis) => {
  const seed = process.env[seedVariable] ?? name
  const options = typeof hosts === "number" ? { hosts, seed } : { seed, ...hosts }
  base.live(name, () => Simulation.run(options, test), timeoutMillis)
}

/** `it` of `@effect/vitest`, with `it.fabric` beside its own properties, which stay as they are. */
// biome-ignore lint/plugin: a proxy has the type of its target, and this one has one property more
export const it = new Proxy(base, {
  get: (target, key, receiver) => (key === "fabric" ? fabric : Reflect.get(target, key, receiver))
}) as typeof base & Fabric
