/**
 * One host of the demo that counts words, as a process of its own: it exposes the endpoint until it is told to stop.
 *
 * Its name and its seeds come from the environment, as `Grinta.layer` reads them: GRINTA_NAME, GRINTA_SEEDS and so on.
 */
import { NodeRuntime, NodeStdio } from "@effect/platform-node"
import { Effect, Layer, Logger, References, Stdio, Stream } from "effect"
// A program outside this repository imports from "grinta".
import { Grinta } from "../../src/index.ts"
import { WordCountLive } from "./wordcount.ts"

const HostLive = WordCountLive.pipe(Layer.provide(Grinta.layer()))

/** The other end of the standard input is with the process that started this one: it ends when that one does. */
const parentGone = Effect.flatMap(Stdio.Stdio, ({ stdin }) => Effect.ignore(Stream.runDrain(stdin)))

Effect.raceFirst(Layer.launch(HostLive), parentGone).pipe(
  Effect.provide([NodeStdio.layer, Layer.succeed(Logger.LogToStderr, true)]),
  Effect.provideService(References.MinimumLogLevel, "Warn"),
  NodeRuntime.runMain
)
