/** The group of the laws of calls, its handlers, and a group of another version. */
import { type Cause, Deferred, Effect, Queue, Schema, Stream } from "effect"
import { Rpc, RpcGroup } from "effect/rpc"
import * as FabricRpc from "../../src/rpc/FabricRpc.ts"

export class NoUser extends Schema.TaggedError<NoUser>()("NoUser", { id: Schema.String }) {}

const User = Schema.Struct({ id: Schema.String, since: Schema.Date })
const isEven = Schema.makeFilter((n: number) => n % 2 === 0)

/** The server's filter that no JSON schema tells of. */
const Even = Schema.Number.check(isEven)

/** The text "NaN" is what the number is as JSON. */
const Either = Schema.Union([Schema.Number, Schema.String])

export class Laws extends RpcGroup.make(
  Rpc.make("get", { payload: { id: Schema.String }, success: User, error: NoUser }),
  Rpc.make("nothing"),
  Rpc.make("die", { error: NoUser }),
  Rpc.make("later", { payload: { id: Schema.Number }, success: Schema.Number }),
  Rpc.make("never", { payload: { id: Schema.Number } }),
  Rpc.make("misfit", { success: Schema.Number }),
  Rpc.make("even", { payload: { n: Even }, success: Schema.Number }),
  Rpc.make("large", { payload: { length: Schema.Number }, success: Schema.String }),
  Rpc.make("same", { payload: { value: Either }, success: Either }),
  Rpc.make("header", { payload: { name: Schema.String }, success: Schema.String }),
  Rpc.make("caller", { success: Schema.String }),
  Rpc.make("range", { payload: { to: Schema.Number }, success: Schema.Number, stream: true }),
  Rpc.make("failing", { payload: { to: Schema.Number }, success: Schema.Number, error: NoUser, stream: true }),
  Rpc.make("endless", { success: Schema.Number, stream: true }),
  Rpc.make("broad", { payload: { length: Schema.Number, count: Schema.Number }, success: Schema.String, stream: true }),
  Rpc.make("queued", { payload: { to: Schema.Number }, success: Schema.Number, stream: true })
) {}

/** Has an Rpc more, one that is another one, and one whose filter is looser. */
export class Strangers extends RpcGroup.make(
  Rpc.make("extra"),
  Rpc.make("nothing"),
  Rpc.make("get", { payload: { id: Schema.Number }, success: User, error: NoUser }),
  Rpc.make("even", { payload: { n: Schema.Number }, success: Schema.Number }),
  Rpc.make("endless", { success: Schema.String, stream: true })
) {}

/** What handlers have done. */
export interface Seen {
  started: number
  interrupted: number
  /** Handlers of "later" that wait, by their ids. */
  readonly waiting: Map<number, Deferred.Deferred<void>>
}

export const seen = (): Seen => ({ started: 0, interrupted: 0, waiting: new Map() })

export const handlers = (seen: Seen) => {
  const stopped = Effect.sync(() => {
    seen.interrupted += 1
  })
  const start = Effect.sync(() => {
    seen.started += 1
  })
  return Laws.toLayer({
    get: ({ id }) => (id === "1" ? Effect.succeed({ id, since: new Date(0) }) : Effect.fail(new NoUser({ id }))),
    nothing: () => Effect.void,
    die: () => Effect.die(new Error("oh")),
    later: ({ id }) => {
      const answer = Deferred.makeUnsafe<void>()
      seen.waiting.set(id, answer)
      return Effect.as(Deferred.await(answer), id)
    },
    never: () =>
      Effect.andThen(
        start,
        Effect.onInterrupt(Effect.never, () => stopped)
      ),
    misfit: () => Effect.succeed("no number" as never),
    even: ({ n }) => Effect.as(start, n),
    large: ({ length }) => Effect.succeed("x".repeat(length)),
    same: ({ value }) => Effect.succeed(value),
    header: ({ name }, { headers }) => Effect.succeed(headers[name] ?? ""),
    caller: () => Effect.map(FabricRpc.Caller, (peer) => peer?.id ?? ""),
    range: ({ to }) => Stream.range(1, to),
    failing: ({ to }) => Stream.concat(Stream.range(1, to), Stream.fail(new NoUser({ id: "stream" }))),
    endless: () => Stream.forever(Stream.range(1, 100)).pipe(Stream.onStart(start), Stream.ensuring(stopped)),
    broad: ({ count, length }) => Stream.fromArray(Array.from({ length: count }, () => "x".repeat(length))),
    queued: ({ to }) =>
      Effect.gen(function* () {
        const queue = yield* Queue.make<number, Cause.Done>()
        yield* Queue.offerAll(
          queue,
          Array.from({ length: to }, (_, at) => at + 1)
        )
        yield* Queue.end(queue)
        return queue
      })
  })
}
