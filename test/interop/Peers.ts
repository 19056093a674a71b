/**
 * The programs that the interop tests need, and what happens without them: in CI the tests fail, elsewhere they are
 * passed over, and say so.
 */
import { spawnSync } from "node:child_process"
import { assert, describe, it } from "@effect/vitest"

export interface Peer {
  readonly title: string
  readonly isFound: boolean
}

const peer = (title: string, command: string, args: ReadonlyArray<string>): Peer => ({
  title,
  isFound: spawnSync(command, args, { stdio: "ignore" }).status === 0
})

export const go: Peer = peer("Go", "go", ["version"])
export const serf: Peer = peer("Serf", "serf", ["version"])
/** Where setup.sh puts Python with the packages of its peers. */
export const pythonPath = new URL("./python/.venv/bin/python", import.meta.url).pathname
export const python: Peer = peer("Python with grpcio", pythonPath, ["-c", "import connectrpc, grpc_tools, h2, msgpack"])
/** It comes with `npm ci`. */
export const buf: Peer = peer("buf", "buf", ["--version"])

/** A suite whose tests run side by side, since most of their time is waiting, unless they are said to be busy. */
export const describeWith = (
  peers: ReadonlyArray<Peer>,
  name: string,
  tests: () => void,
  pace: "waiting" | "busy" = "waiting"
): void => {
  const missing = peers.filter(({ isFound }) => !isFound).map(({ title }) => title)
  if (missing.length === 0) {
    describe(name, { concurrent: pace === "waiting" }, tests)
    return
  }
  const complaint = `${missing.join(" and ")} is not installed, run test/interop/setup.sh`
  describe(name, () => {
    it("has its peers", ({ skip }) => {
      if (process.env.CI === "true") assert.fail(complaint)
      console.warn(`!! ${name}: NOT TESTED, ${complaint}`)
      skip(complaint)
    })
  })
}
