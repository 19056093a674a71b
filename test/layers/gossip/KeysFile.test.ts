/** The keys of a host in a file: what is changed there is used, and what cannot be is logged, and changes nothing. */
import { mkdtemp, rename, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Logger, Schedule } from "effect"
import * as Keys from "../../../src/layers/gossip/Keys.ts"
import * as KeysFile from "../../../src/layers/gossip/KeysFile.ts"

const key = (fill: number) => Buffer.alloc(32, fill).toString("base64")
const [a, b] = [key(1), key(2)]
const text = (...lines: ReadonlyArray<string>) => `${lines.join("\n")}\n`
const plain = ["verifyIncoming=false", "verifyOutgoing=false"]

const file = Effect.gen(function* () {
  const folder = yield* Effect.acquireRelease(
    Effect.promise(() => mkdtemp(join(tmpdir(), "grinta-keys-"))),
    (made) => Effect.promise(() => rm(made, { recursive: true, force: true }))
  )
  const path = join(folder, "keys")
  const put = (content: string) =>
    Effect.promise(async () => {
      await writeFile(`${path}.next`, content)
      await rename(`${path}.next`, path)
    })
  return { path, put, drop: Effect.promise(() => rm(path)) }
})

const listening = () => {
  const lines: Array<string> = []
  return { lines, layer: Logger.layer([Logger.make(({ message }) => void lines.push(String(message)))]) }
}

const until = (isSo: Effect.Effect<boolean>) =>
  Effect.repeat(isSo, { schedule: Schedule.spaced("10 millis"), until: (is) => is }).pipe(Effect.timeout("10 seconds"))

/** The keys of a running host over a file that is looked at all the time. */
const running = Effect.gen(function* () {
  const { drop, path, put } = yield* file
  yield* put(text("# the first", a, b, ...plain))
  const { layer, lines } = listening()
  const keys = yield* Effect.flatMap(KeysFile.load(path, "GRINTA_KEYS_FILE", "20 millis"), Keys.make)
  yield* Effect.forkScoped(Effect.provide(keys.renew, layer))
  const { list, verified } = keys.keyring
  const order = Effect.map(list, (all) => all.map(({ fingerprint }) => fingerprint))
  const said = (part: string) => until(Effect.sync(() => lines.some((line) => line.includes(part))))
  return { ...keys, put, drop, lines, said, order, verified, list }
})

describe("a file of keys", () => {
  it.live("is the ring of its host at any time: what is new is used, what is gone is removed, in one go", () =>
    Effect.gen(function* () {
      const { cipher, keyring, order, put, verified } = yield* running
      const [first, second] = yield* order
      assert.deepStrictEqual(yield* verified, { incoming: false, outgoing: false })
      yield* put(text(key(3), b))
      yield* until(Effect.map(verified, ({ incoming }) => incoming))
      const now = yield* order
      assert.deepStrictEqual([now.length, now[1]], [2, second])
      assert.notInclude(now, first)
      assert.deepStrictEqual([cipher()?.verifyIncoming, cipher()?.verifyOutgoing], [true, true])
      yield* put(text(b, "verifyIncoming=false"))
      yield* until(Effect.map(keyring.size, (size) => size === 1))
      assert.deepStrictEqual(yield* verified, { incoming: false, outgoing: true })
      // What it said at first is a change, too.
      yield* put(text("# the first", a, b, ...plain))
      yield* until(Effect.map(verified, ({ outgoing }) => !outgoing))
      assert.deepStrictEqual(yield* order, [first, second])
    })
  )

  const bad: ReadonlyArray<readonly [string, string | undefined, string]> = [
    ["vanishes", undefined, "ENOENT"],
    ["is empty", "", "it is empty"],
    ["is half written", `${a}\n${key(4).slice(0, 24)}`, "its last line does not end"],
    ["holds no key", text("# soon", ...plain), "it holds no key"],
    ["holds what is no key", text(Buffer.alloc(15).toString("base64")), "16, 24 or 32 bytes, not 15"],
    ["refuses plaintext and sends it", text(a, "verifyOutgoing=false"), "has to send that: verifyOutgoing"]
  ]
  it.live.each(bad)("that %s is logged, once, and the last good keys stay until it is good again", ([, content, why]) =>
    Effect.gen(function* () {
      const { drop, lines, order, put, said, verified } = yield* running
      const before = yield* order
      yield* content === undefined ? drop : put(content)
      yield* said(why)
      yield* Effect.sleep("200 millis")
      assert.strictEqual(lines.filter((line) => line.includes(why)).length, 1, lines.join("\n"))
      assert.deepStrictEqual([yield* order, yield* verified], [before, { incoming: false, outgoing: false }])
      for (const line of lines) for (const secret of [a, b]) assert.notInclude(line, secret)
      yield* put(text(b))
      yield* until(Effect.map(order, (now) => now.length === 1 && now[0] === before[1]))
    })
  )

  it.live.each(bad)("that %s is an InvalidConfig at the start", ([, content, why]) =>
    Effect.gen(function* () {
      const { path, put } = yield* file
      if (content !== undefined) yield* put(content)
      const made = Effect.flatMap(KeysFile.load(path, "GRINTA_KEYS_FILE"), Keys.make)
      const error = yield* Effect.flip(made)
      assert.strictEqual(error.reason._tag, "InvalidConfig")
      assert.include(error.message, why)
    })
  )
})
