/**
 * The flows that other hosts hold at this one, by who opened them, so that they end with their caller.
 */
import { Effect, type Scope } from "effect"

export interface Callers {
  /** Counts a flow for the life of the scope. `lose` ends it. */
  readonly enter: (caller: string, lose: () => void) => Effect.Effect<void, never, Scope.Scope>
  /** Ends all flows of a host. */
  readonly lose: (caller: string) => void
}

export const make = (): Callers => {
  const flows = new Map<string, Set<() => void>>()
  const leave = (caller: string, lose: () => void): void => {
    const held = flows.get(caller)
    held?.delete(lose)
    if (held?.size === 0) flows.delete(caller)
  }
  return {
    enter: (caller, lose) =>
      Effect.acquireRelease(
        Effect.sync(() => {
          const held = flows.get(caller) ?? new Set()
          flows.set(caller, held.add(lose))
        }),
        () => Effect.sync(() => leave(caller, lose))
      ),
    lose: (caller) => {
      for (const lose of [...(flows.get(caller) ?? [])]) lose()
    }
  }
}
