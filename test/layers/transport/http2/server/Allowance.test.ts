/**
 * How many streams a client may open that carry nothing yet: few, and yet ten thousand flows of one go through.
 */
import * as http2 from "node:http2"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as DirectCall from "../../../../../src/layers/transport/http2/DirectCall.ts"
import * as Allowance from "../../../../../src/protocol/flow/Allowance.ts"
import * as Caller from "../Caller.ts"
import { open, request, say } from "../RawClient.ts"
import * as RawPeer from "../RawPeer.ts"
import { server } from "../Server.ts"

const { data, frame, headers, type } = RawPeer
const keepalive = { interval: "1 hour", timeout: "1 second" } as const
const flowsMax = 3000

describe("streams that carry nothing yet", () => {
  it.live(
    `leave room for ${flowsMax} flows that are opened at once, each with a limit that was raised for it`,
    () =>
      Effect.gen(function* () {
        const { port } = yield* server({ keepalive })
        const session = yield* Effect.acquireRelease(
          Effect.sync(() => http2.connect(`http://127.0.0.1:${port}`).on("error", () => undefined)),
          (made) => Effect.sync(() => made.destroy())
        )
        const limits: Array<number> = []
        session.on("remoteSettings", ({ maxConcurrentStreams = 0 }) => void limits.push(maxConcurrentStreams))
        yield* Effect.callback<void, string>((resume) => {
          let accepted = 0
          session.once("close", () => resume(Effect.fail(`closed after ${accepted}`)))
          for (let i = 0; i < flowsMax; i++) {
            const stream = session.request({
              ":method": "POST",
              ":path": DirectCall.path,
              "content-type": DirectCall.contentType,
              "connect-protocol-version": DirectCall.protocolVersion
            })
            stream
              .on("error", () => undefined)
              .once("data", () => {
                accepted += 1
                if (accepted === flowsMax) resume(Effect.void)
              })
            stream.write(open)
          }
        }).pipe(Effect.timeout("50 seconds"))
        assert.strictEqual(limits[0], Allowance.aheadMin)
        assert.isAtLeast(limits.at(-1) ?? 0, flowsMax)
        assert.deepStrictEqual(
          limits,
          [...limits].sort((a, b) => a - b)
        )
      }),
    60_000
  )

  it.live("are so many, and none beyond is looked at", () =>
    Effect.gen(function* () {
      const { port, served } = yield* server({ keepalive })
      const count = 600
      const ids = Array.from({ length: count }, (_, at) => 2 * at + 1)
      const client = yield* say(port, ...ids.map((id) => headers(id, request)))
      const refused = () => client.heard().filter(({ kind }) => kind === type.reset)
      yield* client.until(() => refused().length === count - Allowance.aheadMin)
      assert.strictEqual(refused()[0]?.payload.readUInt32BE(0), RawPeer.code.refused)
      // What is left goes on once it carries something, and only then is there more.
      const raised = () =>
        client
          .heard()
          .filter(({ flags, kind, payload }) => kind === type.settings && flags === 0 && payload.byteLength === 6)
      assert.lengthOf(raised(), 0)
      client.socket.write(
        Buffer.concat([frame(type.settings, 1, 0), ...ids.slice(0, Allowance.aheadMin).map((id) => data(id, open))])
      )
      yield* client.until(() => served.flows === Allowance.aheadMin && raised().length > 0)
      assert.isAbove(raised()[0]?.payload.readUInt32BE(2) ?? 0, Allowance.aheadMin)
      assert.isFalse(client.socket.closed)
    }).pipe(Caller.soon)
  )
})
