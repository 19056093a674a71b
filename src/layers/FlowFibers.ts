/**
 * Drives a flow over a link that does not by itself: of its scope one fiber writes, one reads, and one hears the link break.
 */
import { Effect, type Scope } from "effect"
import type { LinkBroken, Listener } from "../services/Transport.ts"
import type { FlowReader } from "./FlowReader.ts"
import * as FlowWriter from "./FlowWriter.ts"
import * as Signal from "./Signal.ts"

export interface Driven extends Listener {
  readonly writer: FlowWriter.FlowWriter
  readonly reader: FlowReader
  /** Another frame may come. It says by `reader.changed` when that has changed. */
  readonly mayRead: () => boolean
}

export const drive = Effect.fnUntraced(function* (flow: Driven): Effect.fn.Return<void, never, Scope.Scope> {
  const { reader, writer } = flow
  const { link } = writer
  const breaking = Effect.catch((broken: LinkBroken) => Effect.sync(() => flow.onBroken(() => broken)))
  // To the end of the link, whatever became of the flow: only then has the peer had its last word.
  const readNext = Effect.flatMap(link.read, (frame) =>
    flow.onFrame(frame) ? Effect.void : Signal.until(reader.changed, () => flow.mayRead())
  )
  const readAll = Effect.forever(readNext, { disableYield: true })
  yield* Effect.forkScoped(breaking(FlowWriter.writeAll(writer)))
  yield* Effect.forkScoped(Effect.catch(readAll, (ended) => Effect.sync(() => flow.onEnd(() => ended))))
  yield* Effect.forkScoped(breaking(link.broken))
})
