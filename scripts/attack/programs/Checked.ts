/**
 * Checked traffic with other hosts, for as long as the process lives: messages on flows that are kept, flows that are opened,
 * used once and closed, and names that are resolved. What fails is counted, and tried again.
 */
import { Effect, Exit, Schedule } from "effect"
import { Fabric, Registry } from "../../../src/index.ts"
import { echoOf } from "../Endpoints.ts"

/** A flow has one message on its way, and rests after each: enough to see a host that is late, too little to fill it. */
const flowsKept = 4
const messageRest = "5 millis"
const openRest = "50 millis"
const nameRest = "100 millis"
const afterFailure = "200 millis"
const messageBytes = 1024
const openTimeout = "5 seconds"

export interface Done {
  messages: number
  opens: number
  names: number
  readonly failures: Map<string, number>
}

export const make = (): Done => ({ messages: 0, opens: 0, names: 0, failures: new Map() })

const fail = (done: Done, what: string): void => {
  done.failures.set(what, (done.failures.get(what) ?? 0) + 1)
}

/** No two messages are alike, so that one that comes back says which it was. */
const messageOf = (from: string, number: number): Uint8Array => {
  const message = new Uint8Array(messageBytes)
  new TextEncoder().encodeInto(`${from} ${number} `, message)
  for (let i = 64; i < messageBytes; i++) message[i] = (number * 31 + i * 7) & 0xff
  return message
}

let numbers = 0

export const reasonOf = (cause: unknown): string => {
  const { reason } = typeof cause === "object" && cause !== null && "reason" in cause ? cause : { reason: undefined }
  if (typeof reason === "object" && reason !== null && "_tag" in reason) return String(reason._tag)
  return typeof cause === "object" && cause !== null && "_tag" in cause ? String(cause._tag) : String(cause)
}

const opened = (to: string) => Effect.flatMap(Fabric, (fabric) => fabric.connect(echoOf(to), { timeout: openTimeout }))

const exchange = Effect.fnUntraced(function* (
  done: Done,
  from: string,
  flow: Effect.Success<ReturnType<typeof opened>>
) {
  const sent = messageOf(from, ++numbers)
  yield* flow.send(sent)
  const came = yield* flow.receive
  if (Buffer.compare(came, sent) !== 0) fail(done, "another message")
})

const kept = (done: Done, from: string, to: string) =>
  Effect.scoped(
    Effect.flatMap(opened(to), (flow) =>
      exchange(done, from, flow).pipe(
        Effect.tap(() => Effect.sync(() => (done.messages += 1))),
        Effect.andThen(Effect.sleep(messageRest)),
        Effect.forever
      )
    )
  ).pipe(
    Effect.catch((error) => Effect.sync(() => fail(done, `flow ${reasonOf(error)}`))),
    Effect.andThen(Effect.sleep(afterFailure)),
    Effect.forever
  )

const openedOnce = (done: Done, from: string, to: string) =>
  Effect.scoped(Effect.flatMap(opened(to), (flow) => exchange(done, from, flow))).pipe(
    Effect.timeout(openTimeout),
    Effect.exit,
    Effect.tap((exit) =>
      Effect.sync(() => {
        if (Exit.isSuccess(exit)) done.opens += 1
        else
          fail(
            done,
            `open ${exit.cause.reasons.map((one) => ("error" in one ? reasonOf(one.error) : one._tag)).join()}`
          )
      })
    ),
    Effect.repeat(Schedule.spaced(openRest))
  )

const resolved = (done: Done, to: string) =>
  Effect.flatMap(Registry, (registry) => registry.resolve(echoOf(to).name)).pipe(
    Effect.tap((entries) =>
      Effect.sync(() => {
        if (entries.length === 1 && entries[0]?.host.id === to) done.names += 1
        else fail(done, "name")
      })
    ),
    Effect.catch(() => Effect.sync(() => fail(done, "name"))),
    Effect.repeat(Schedule.spaced(nameRest))
  )

/** Never returns. */
export const run = (done: Done, from: string, to: ReadonlyArray<string>) =>
  Effect.all(
    to.flatMap(
      (host): ReadonlyArray<Effect.Effect<unknown, never, Fabric | Registry>> => [
        ...Array.from({ length: flowsKept }, () => kept(done, from, host)),
        openedOnce(done, from, host),
        resolved(done, host)
      ]
    ),
    { concurrency: "unbounded", discard: true }
  )
