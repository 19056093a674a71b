/** Identity of this process: the host's name, and the generation of this life. */
import { Clock, Effect, Layer } from "effect"
import { Self } from "../../services/Host.ts"

export interface Options {
  readonly name: string
  readonly locality?: string
  readonly tags?: Readonly<Record<string, string>>
}

/** Provides `Self`. The generation is the wall clock when the layer is built, in microseconds. */
export const layer = ({ locality = "", name, tags = {} }: Options): Layer.Layer<Self> =>
  Layer.effect(
    Self,
    Effect.map(Clock.currentTimeNanos, (nanos) => ({
      id: name,
      generation: Math.max(1, Number(nanos / 1000n)),
      locality,
      tags
    }))
  )
