/**
 * SelfLive: identity of this process, the host's name and the generation of this life.
 *
 * @module
 */
import { Clock, Effect, Layer } from "effect"
import { Self } from "../../services/Host.ts"

/** Identity of a host. The layers above check it. */
export interface Options {
  /** Name of the host, unique in the fabric: 1 to 128 letters, digits, "-" and single dots between them. */
  readonly name: string
  /** Place of the host, the widest part first, such as "eu/fra/rack-7"; "" by default. For the selection "nearest". */
  readonly locality?: string
  /** Tags at the start; none by default. Tags and locality have to fit the 512 bytes of metadata in gossip. */
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
