/**
 * Seeds behind a DNS service name: the records are asked for each time, so hosts that move are found again.
 */
import * as dgram from "node:dgram"
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Layer, Schedule } from "effect"
import * as GossipSwim from "../../../../src/layers/gossip/GossipSwim.ts"
import * as GossipSocketNode from "../../../../src/layers/gossip/socket/GossipSocketNode.ts"
import { Gossip } from "../../../../src/services/Gossip.ts"
import { self } from "../Cluster.ts"

const service = "_gossip._udp.fabric.test"

const nameBytes = (name: string): Buffer =>
  Buffer.concat([...name.split(".").map((part) => Buffer.from([part.length, ...Buffer.from(part)])), Buffer.from([0])])

/** A name server that knows SRV records of one service, all at localhost; `ports` may change while it runs. */
const nameServer = (ports: () => ReadonlyArray<number>) =>
  Effect.acquireRelease(
    Effect.callback<dgram.Socket>((resume) => {
      const socket = dgram.createSocket("udp4")
      socket.on("message", (query, from) => {
        const question = query.subarray(12)
        const isKnown = question.subarray(0, nameBytes(service).length).equals(nameBytes(service))
        const target = nameBytes("localhost")
        const answers = (isKnown ? ports() : []).map((port, index) =>
          Buffer.concat([
            Buffer.from([
              0xc0,
              12,
              0,
              33,
              0,
              1,
              0,
              0,
              0,
              0,
              0,
              6 + target.length,
              0,
              index,
              0,
              1,
              port >> 8,
              port & 255
            ]),
            target
          ])
        )
        const header = Buffer.from([
          ...query.subarray(0, 2),
          0x81,
          isKnown ? 0x80 : 0x83,
          0,
          1,
          0,
          answers.length,
          0,
          0,
          0,
          0
        ])
        const asked = question.subarray(0, question.indexOf(0) + 5)
        socket.send(Buffer.concat([header, asked, ...answers]), from.port, from.address)
      })
      socket.bind(0, "127.0.0.1", () => resume(Effect.succeed(socket)))
    }),
    (socket) => Effect.sync(() => socket.close())
  )

const start = (name: string, seeds: ReadonlyArray<string>, dns: dgram.Socket) =>
  Effect.map(
    Layer.build(
      GossipSwim.layer({ fabric: "", seeds, meta: { flowPort: 0 } }).pipe(
        Layer.provide(
          GossipSocketNode.layer({ host: "127.0.0.1", port: 0, dnsServers: [`127.0.0.1:${dns.address().port}`] })
        ),
        Layer.provide(self(name))
      )
    ),
    Context.get(Gossip)
  )

describe("a seed that is a service", () => {
  it.live("is resolved to hosts and ports, again and again until somebody is there", () =>
    Effect.gen(function* () {
      let ports: ReadonlyArray<number> = []
      const dns = yield* nameServer(() => ports)
      const early = yield* start("early", [service], dns)
      const first = yield* start("first", [], dns)
      ports = [9, (yield* first.self).port]
      yield* Effect.filterOrFail(
        early.members,
        ({ length }) => length === 2,
        () => "not yet"
      ).pipe(Effect.retry(Schedule.spaced("50 millis")), Effect.timeout("20 seconds"))
      assert.strictEqual(yield* early.join([service]), 1)
      const unknown = yield* Effect.flip(early.join(["_other._udp.fabric.test"]))
      assert.strictEqual(unknown.reason._tag, "JoinFailed")
      const ported = yield* Effect.flip(early.join([`${service}:7946`]))
      assert.strictEqual(ported.reason._tag, "InvalidConfig")
    })
  )
})
