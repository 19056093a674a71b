/** Child processes of the tests: started for a scope, and killed at its end. */
import { type ChildProcess, execFile, spawn } from "node:child_process"
import type { Server } from "node:net"
import { createInterface } from "node:readline"
import { Effect, Layer } from "effect"
import * as GossipSocketNode from "../../src/layers/gossip/socket/GossipSocketNode.ts"
import { GossipSocket } from "../../src/services/GossipSocket.ts"

export const loopback = "127.0.0.1"

export interface Running {
  readonly process: ChildProcess
  /** What it has said on standard error so far, and on standard output if nobody else takes that. */
  readonly log: ReadonlyArray<string>
  readonly kill: Effect.Effect<void>
  /** Waits for its end. */
  readonly exit: Effect.Effect<number | NodeJS.Signals | null>
}

export interface Options {
  readonly command: string
  readonly args: ReadonlyArray<string>
  /** Beside those of this process. */
  readonly env?: Readonly<Record<string, string>>
  readonly onLine?: (line: string) => void
}

const exitOf = (child: ChildProcess) =>
  Effect.callback<number | NodeJS.Signals | null>((resume) => {
    if (child.exitCode !== null || child.signalCode !== null) {
      resume(Effect.succeed(child.exitCode ?? child.signalCode))
      return
    }
    child.once("exit", (code, signal) => resume(Effect.succeed(code ?? signal)))
  })

export const start = Effect.fnUntraced(function* ({ args, command, env = {}, onLine }: Options) {
  const log: Array<string> = []
  const keep = (line: string): void => {
    log.push(line)
  }
  const started = yield* Effect.acquireRelease(
    Effect.sync(() => spawn(command, args, { env: { ...process.env, ...env }, stdio: ["pipe", "pipe", "pipe"] })),
    (running) =>
      Effect.suspend(() => {
        running.kill("SIGKILL")
        return exitOf(running)
      })
  )
  started.stdin.on("error", () => keep("standard input is closed"))
  createInterface({ input: started.stdout }).on("line", onLine ?? keep)
  createInterface({ input: started.stderr }).on("line", keep)
  const exit = exitOf(started)
  const running: Running = {
    process: started,
    log,
    exit,
    kill: Effect.suspend(() => {
      started.kill("SIGKILL")
      return Effect.asVoid(exit)
    })
  }
  return running
})

/** Runs a program to its end; what it printed. Fails with that when it fails. */
export const run = (command: string, args: ReadonlyArray<string>, cwd?: string): Effect.Effect<string, string> =>
  Effect.callback((resume) => {
    execFile(command, args, { cwd, maxBuffer: 2 ** 26 }, (error, stdout, stderr) =>
      resume(error === null ? Effect.succeed(stdout) : Effect.fail(`${error.message}\n${stdout}${stderr}`))
    )
  })

/** Lets a server of this process listen on loopback; its port. */
export const listen = (server: Server): Effect.Effect<number> =>
  Effect.callback((resume) => {
    server.listen(0, loopback, () => {
      const address = server.address()
      resume(Effect.succeed(address !== null && typeof address === "object" ? address.port : 0))
    })
  })

/** A port that is free for both UDP and TCP, as long as nobody else is given it. */
export const freePort: Effect.Effect<number> = Effect.map(GossipSocket, ({ address }) => address.port).pipe(
  Effect.provide(Layer.fresh(GossipSocketNode.layer({ host: loopback, port: 0 }))),
  Effect.orDie
)
