/** A user service on three hosts, one of which is killed: a call in flight says that it may have run, the next goes elsewhere. */
import { Console, Effect, Fiber, Layer, References, Schema, Stream } from "effect"
import { Rpc, RpcGroup } from "effect/rpc"
// A program outside this repository imports from "grinta" and "grinta/rpc".
import { Grinta, MemoryNetwork, Registry } from "../src/index.ts"
import { FabricRpc } from "../src/rpc/index.ts"

class NoUser extends Schema.TaggedError<NoUser>()("NoUser", { id: Schema.String }) {}

class Users extends RpcGroup.make(
  Rpc.make("get", { payload: { id: Schema.String }, success: Schema.String, error: NoUser }),
  Rpc.make("export", { success: Schema.String })
) {}

const open = (name: string, locality: string) => {
  const handlers = Users.toLayer({
    get: ({ id }) => (id === "ada" ? Effect.succeed(`Ada, says ${name}`) : Effect.fail(new NoUser({ id }))),
    export: () => Effect.as(Effect.sleep("1 minute"), "all users")
  })
  const server = FabricRpc.layerServer("users", Users, { ownership: "group" }).pipe(Layer.provide(handlers))
  return Layer.build(Layer.provide(server, Grinta.layerMemory({ name, locality, seeds: ["desk"] })))
}

const program = Effect.gen(function* () {
  const { kill } = yield* MemoryNetwork.MemoryNetwork
  const registry = yield* Registry
  yield* Effect.all([open("near", "hall-1"), open("far", "hall-2"), open("farther", "hall-2")])
  const owners = Stream.mapEffect(registry.watch("users"), () => registry.resolve("users"))
  yield* Stream.runDrain(Stream.takeUntil(owners, (found) => found.length === 3))

  const users = yield* FabricRpc.client("users", Users)
  yield* Console.log(yield* users.get({ id: "ada" }))
  yield* Console.log((yield* Effect.flip(users.get({ id: "bob" })))._tag)

  const exporting = yield* Effect.forkChild(Effect.flip(users.export()), { startImmediately: true })
  yield* Effect.sleep("50 millis")
  yield* kill("near")
  const error = yield* Fiber.join(exporting)
  yield* Console.log(`lost on the way, delivered: ${FabricRpc.deliveredOf(error)}`)
  const elsewhere = yield* users.get({ id: "ada" })
  yield* Console.log(elsewhere.replace(/far(ther)?$/, "a host in hall-2"))
})

const desk = Grinta.layerMemory({ name: "desk", locality: "hall-1" }).pipe(Layer.provideMerge(MemoryNetwork.layer()))
const quiet = Effect.provideService(References.MinimumLogLevel, "Warn")
await Effect.runPromise(program.pipe(Effect.scoped, Effect.provide(desk), quiet))
