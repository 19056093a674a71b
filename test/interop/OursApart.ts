/** Starts a host of ours in a process of its own. */
import { Deferred, Effect, Schema } from "effect"
import { Options } from "./host.ts"
import * as Processes from "./Processes.ts"

const file = new URL("./host.ts", import.meta.url).pathname

export interface OursApart extends Processes.Running {
  readonly name: string
  readonly address: string
  readonly port: number
}

export const start = Effect.fnUntraced(function* (options: Partial<typeof Options.Type> & { readonly name: string }) {
  const encoded = yield* Schema.encodeEffect(Options)({
    port: 0,
    generation: 1,
    delegateVersion: 0,
    ...options
  })
  const up = yield* Deferred.make<string>()
  const running = yield* Processes.start({
    command: process.execPath,
    args: [file, encoded],
    onLine: (line) => Deferred.doneUnsafe(up, Effect.succeed(line))
  })
  const address = yield* Deferred.await(up).pipe(
    Effect.timeoutOrElse({
      duration: "20 seconds",
      orElse: () => Effect.die(new Error(`the host did not come up:\n${running.log.join("\n")}`))
    })
  )
  const apart: OursApart = { ...running, name: options.name, address, port: Number(address.split(":")[1]) }
  return apart
})
