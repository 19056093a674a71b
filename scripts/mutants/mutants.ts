/**
 * Laws of docs/design.md that are broken on purpose. Each mutation replaces one text that `src` has exactly once, wherever it is:
 * `test/scripts/Mutants.test.ts` fails when that is not so any more, as after a renaming.
 */
export interface Mutant {
  readonly law: string
  /** What the sources do wrong. */
  readonly mutation: string
  readonly from: string
  readonly to: string
  /** Test files of which one has to fail, the fastest first. A text behind ": " is in the names of those that are run. */
  readonly tests: ReadonlyArray<string>
}

const flowLaws = "test/layers/transport/FlowLaws.test.ts: queues"
const halves = "test/protocol/flow/Halves.test.ts"
const directory = "test/protocol/names/Directory.test.ts"
const lives = "test/protocol/names/Lives.test.ts"
const conformance = "test/protocol/swim/Conformance.test.ts"

export const mutants: ReadonlyArray<Mutant> = [
  {
    law: "1: everything settles",
    mutation: "a silent peer is never lost",
    from: `>= bounds.timeoutMillis + extra ? "dead" : "alive"`,
    to: `>= bounds.timeoutMillis + extra ? "alive" : "alive"`,
    tests: ["test/protocol/flow/Liveness.test.ts"]
  },
  {
    law: "1: everything settles",
    mutation: "put off a deadline",
    from: "expire(channel, Math.max(0, Math.ceil(at - now)))",
    to: "expire(channel, Math.max(0, Math.ceil(at - now)) + 60_000)",
    tests: [flowLaws]
  },
  {
    law: "1: everything settles",
    mutation: "a handler's flows do not inherit its deadline",
    from: "deadlineAt === undefined ? traced : Context.add(traced, Deadline.Inherited, deadlineAt)",
    to: "deadlineAt === undefined ? traced : traced",
    tests: ["test/layers/Grinta.test.ts: what a handler opens ends with the deadline"]
  },
  {
    law: "2: order",
    mutation: "swap two frames",
    from: "const next = sender.waiting.shift()",
    to: "const next = sender.waiting.splice(sender.waiting.length > 1 ? 1 : 0, 1)[0]",
    tests: [halves, flowLaws]
  },
  {
    law: "2: at most once",
    mutation: "deliver a message twice",
    from: "put(sender, open(sender, rest.byteLength), rest, weight(rest))",
    to: "for (let i = 0; i < 2; i++) put(sender, open(sender, rest.byteLength), rest, weight(rest))",
    tests: [halves, flowLaws]
  },
  {
    law: "2: at most once",
    mutation: "start a handler twice",
    from: "const running = handlers.start(flow, channel, served, { trace: open.trace, deadlineAt })",
    to: "handlers.start(flow, channel, served, { trace: open.trace, deadlineAt })\n      const running = handlers.start(flow, channel, served, { trace: open.trace, deadlineAt })",
    tests: [flowLaws]
  },
  {
    law: "2: no silent loss",
    mutation: "drop an End",
    from: `return { _tag: "End", count: sender.sentCount }`,
    to: "return undefined",
    tests: [halves, flowLaws]
  },
  {
    law: "2: no silent loss",
    mutation: "believe any count of an End",
    from: "if (count !== receiver.receivedCount)",
    to: "if (count < 0)",
    tests: [halves, "test/protocol/flow/FlowState.test.ts"]
  },
  {
    law: "2: no silent loss",
    mutation: "lose a Fail after an End",
    from: `if (sender.status === "failed" || sender.fail !== undefined) return false`,
    to: `if (sender.status !== "ending" || sender.fail !== undefined) return false`,
    tests: [halves, flowLaws]
  },
  {
    law: "3: no is a promise",
    mutation: `answer "no" always`,
    from: `hasLeft || waiting.length > 0 || (status === "ending" && fail === undefined) ? "maybe" : "no"`,
    to: `hasLeft && waiting.length > 0 && fail === undefined && status === "failed" ? "maybe" : "no"`,
    tests: [halves, flowLaws]
  },
  {
    law: "3: no is a promise",
    mutation: `answer "no" for an owner that starts its handler before the second word`,
    from: `const isSeen = !isSafe && broken.how !== "refused"`,
    to: "const isSeen = isSafe && !isSafe",
    tests: ["test/layers/transport/http2/Reach.test.ts", "test/layers/transport/FlowLaws.test.ts: second word: memory"]
  },
  {
    law: "4: values are copied",
    mutation: "hand over the bytes that were sent",
    from: "message instanceof Value ? message : copy(copies, message)",
    to: "message instanceof Value || copies.at >= 0 ? message : copy(copies, message)",
    tests: ["test/protocol/flow/Copies.test.ts", flowLaws]
  },
  {
    law: "5: backpressure",
    mutation: "take any number of messages to send",
    from: "sender.waitingBytes < sender.limits.bufferBytesMax",
    to: "sender.waitingBytes >= 0 && sender.limits.bufferBytesMax > 0",
    tests: [halves, flowLaws]
  },
  {
    law: "5: backpressure",
    mutation: "forget the credit of a message that was read",
    from: "inbox.bytes -= weight(message)",
    to: "inbox.bytes -= weight(message) > 0 ? 0 : 1",
    tests: [halves, flowLaws]
  },
  {
    law: "5: backpressure",
    mutation: "leak a seat",
    from: "if (!held.delete(ticket) || peer === undefined) return",
    to: "if (!held.has(ticket) || peer === undefined) return",
    tests: ["test/protocol/flow/Admission.test.ts", "test/protocol/flow/Shares.test.ts"]
  },
  {
    law: "6: cancellation crosses the wire",
    mutation: "swallow the interrupt of a handler",
    from: "Effect.delay(Fiber.interrupt(running), grace)",
    to: "Effect.delay(Effect.void, grace)",
    tests: [flowLaws]
  },
  {
    law: "6: cancellation crosses the wire",
    mutation: "leave without a word",
    from: "if (!this.hasEnded() && !Outbound.hasFinished(this.writer))",
    to: "if (this.hasEnded() && !Outbound.hasFinished(this.writer))",
    tests: ["test/layers/transport/FlowLaws.test.ts: who leaves in the middle says so"]
  },
  {
    law: "7: no effect of what others say",
    mutation: "show at once what is told of a host that contradicts",
    from: "const isHeld = isDisputed(doubts, host, now) && (word !== undefined || hasRivals())",
    to: "const isHeld = isDisputed(doubts, host, now) && word !== undefined && hasRivals()",
    tests: ["test/protocol/names/Doubts.test.ts"]
  },
  {
    law: "7: no ghost names",
    mutation: "take records of any life of a host",
    from: "known === undefined || claims?.generation !== record.generation",
    to: "known === undefined || claims === undefined",
    tests: [lives, directory]
  },
  {
    law: "7: no ghost names",
    mutation: "keep the names of a life that is over",
    from: "if (before?.generation === generation) return",
    to: "if (before !== undefined) return",
    tests: [lives, directory]
  },
  {
    law: "7: no ghost names",
    mutation: "skip the floor of tombstones",
    from: "record.isTombstone && record.version <= claims.floor",
    to: "record.isTombstone && record.version < 0",
    tests: [directory, lives]
  },
  {
    law: "7: of two owners one gives the name up",
    mutation: "turn the order of owners around",
    from: "precedes(host, winner.host)",
    to: "precedes(winner.host, host)",
    tests: [directory]
  },
  {
    law: "8: state first",
    mutation: "tell nobody of a name that comes",
    from: `if (entry.ownership === ownership) outputs.push({ _tag: "Up", entry, replaced })`,
    to: `if (entry.ownership === ownership && replaced !== undefined) outputs.push({ _tag: "Up", entry, replaced })`,
    tests: [directory, "test/layers/registry/RegistryGossip.test.ts"]
  },
  {
    law: "9: it heals alone",
    mutation: "seek no member that was lost",
    from: "random() * others >= seekers(losses, others, nowMillis)",
    to: "random() * others >= 0 * seekers(losses, others, nowMillis)",
    tests: ["test/protocol/swim/Reunion.test.ts"]
  },
  {
    law: "9: it heals alone",
    mutation: "accept a stale incarnation",
    from: "message.incarnation <= known.incarnation && !startsOver(",
    to: "message.incarnation < known.incarnation && !startsOver(",
    tests: [conformance]
  },
  {
    law: "10: a busy host is not a dead host",
    mutation: "refute no suspicion",
    from: "if (entry === self) return refute(turn, message.incarnation)",
    to: "if (entry === self) return turn",
    tests: [conformance]
  },
  {
    law: "10: a busy host is not a dead host",
    mutation: "a deaf host declares deaths",
    from: "suspicion !== undefined && isDeaf(turn, suspicion.maxMillis)",
    to: "suspicion !== undefined && isDeaf(turn, suspicion.maxMillis) && turn.now < 0",
    tests: [conformance, "test/sim/Careful.test.ts"]
  },
  {
    law: "11: secure is shorter than insecure",
    mutation: "listen beyond loopback without keys",
    from: "yield* Exposure.check(host, missing, insecure)",
    to: "yield* Exposure.check(host, [], insecure)",
    tests: ["test/layers/Grinta.test.ts"]
  },
  {
    law: "11: who breaks the rules is known",
    mutation: "skip the blame for a violation",
    from: `if (received._tag === "Violation") this.writer.link.blame?.()`,
    to: "",
    tests: ["test/layers/transport/http2/server/Violations.test.ts"]
  },
  {
    law: "12: chance is a service",
    mutation: "draw from the chance of the process",
    from: "Math.min(end - 1, Math.floor(random() * end))",
    to: "Math.min(end - 1, Math.floor((0 * random() + Math.random()) * end))",
    tests: ["test/sim/Simulator.test.ts"]
  }
]
