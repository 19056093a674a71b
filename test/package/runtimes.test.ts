/** The package on runtimes other than Node, where npm has installed them: `test/runtimes` has their versions. */
import { existsSync } from "node:fs"
import { resolve } from "node:path"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import * as Project from "./Project.ts"

const runtimes = [
  { name: "Bun", bin: "bun", args: ["run"] },
  { name: "Deno", bin: "deno", args: ["run", "--allow-all", "--quiet"] }
].map((runtime) => ({ ...runtime, path: resolve("test/runtimes/node_modules/.bin", runtime.bin) }))

const missing = runtimes.filter(({ path }) => !existsSync(path))
if (missing.length > 0)
  console.log(
    `not tried on ${missing.map(({ name }) => name).join(" and ")}: npm ci --prefix test/runtimes installs them`
  )

const echo = `
import { Context, Effect, Layer, References, Schema, Stream } from "effect"
import { Endpoint, Fabric, FabricLocal, Gossip, Grinta } from "grinta"

const Echo = Endpoint.make("echo", { input: Schema.String, output: Schema.String })
const EchoLive = Echo.toLayer((flow) => Stream.runForEach(flow.messages, (text) => flow.send(text)))
const say = Effect.gen(function* () {
  const flow = yield* (yield* Fabric).connect(Echo, { wait: true })
  return yield* Stream.runCollect(flow.exchange(Stream.make("hello", "again")))
}).pipe(Effect.scoped)
const run = (effect) =>
  effect.pipe(Effect.scoped, Effect.provideService(References.MinimumLogLevel, "Error"), Effect.runPromise)
const listen = { gossipPort: 0, flowPort: 0 }
`

const local = `${echo}
console.log(await run(Effect.provide(say, Layer.provideMerge(EchoLive, FabricLocal.layer()))))
`

const refused = `${echo}
console.log((await run(Effect.flip(Layer.build(Grinta.layer({ name: "a", listen }))))).message)
`

const hosts = `${echo}
console.log(await run(Effect.gen(function* () {
  const server = yield* Layer.build(Layer.provideMerge(EchoLive, Grinta.layer({ name: "a", listen, anyRuntime: true })))
  const { address, port } = yield* Context.get(server, Gossip).self
  const seeds = [address + ":" + port]
  const client = yield* Layer.build(Grinta.layer({ name: "b", listen, seeds, anyRuntime: true }))
  return yield* Effect.provideContext(say, client)
})))
process.exit(0)
`

describe("the packed package, elsewhere", () => {
  let project: Project.Project
  beforeAll(() => {
    project = Project.make()
    for (const [name, text] of Object.entries({ local, refused, hosts })) project.write(`${name}.mjs`, text)
  }, 120_000)
  afterAll(() => project.remove())

  const said = /\[\s*"hello",\s*"again"\s*\]|\[ 'hello', 'again' \]/

  for (const { args, name, path } of runtimes.filter((runtime) => !missing.includes(runtime))) {
    const run = (file: string): string => project.run(path, ...args, file)

    it(`a fabric of one process serves on ${name}`, () => {
      assert.match(run("local.mjs"), said)
    })

    it(`a whole host says that ${name} is not what it is made for`, () => {
      const text = run("refused.mjs")
      assert.match(
        text,
        new RegExp(`runtime: this is ${name} \\d+\\.\\d+\\.\\d+\\S*, which says that it is like Node \\d`)
      )
      assert.include(text, "anyRuntime: true (GRINTA_ANY_RUNTIME) runs one here all the same")
    })

    it(`and serves on ${name} all the same, over UDP and HTTP/2, when it is told to`, { timeout: 60_000 }, () => {
      assert.match(run("hosts.mjs"), said)
    })
  }
})
