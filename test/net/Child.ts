/**
 * A program that is asked in JSON, such as one of programs/ in the namespace of a host. It takes orders in lines of JSON, `{ "id": 1, "order": {..} }`, and
 * answers each by `{ "id": 1, "answer": {..} }` or `{ "id": 1, "failed": ".." }`; what it says of itself is
 * `{ "event": {..} }`.
 */
import { Schema } from "effect"
import { type Lines, start, within } from "./Lines.ts"
import type { Place } from "./Net.ts"

const Said = Schema.fromJsonString(
  Schema.Union([
    Schema.Struct({ id: Schema.Number, answer: Schema.Unknown }),
    Schema.Struct({ id: Schema.Number, failed: Schema.String }),
    Schema.Struct({ event: Schema.Unknown })
  ])
)
const decodeSaid = Schema.decodeUnknownSync(Said)

export interface Child extends Lines {
  /** The answer to an order. Rejects when there is none in time, or when it could not be carried out. */
  readonly ask: <A>(order: object, answer: Schema.Codec<A, unknown>, patienceMillis?: number) => Promise<A>
}

export interface Options {
  readonly net: Place
  readonly host: number
  /** A file of programs/. */
  readonly program: string
  readonly args?: ReadonlyArray<string>
  /** Variables of its environment, beside those of this process. */
  readonly env?: Readonly<Record<string, string>>
  readonly onEvent?: (event: unknown) => void
}

/** How long an answer may take, unless said otherwise. */
const answerMillis = 60_000

/** Starts a command that obeys; `what` names it in what goes wrong. */
export const ask = (
  command: ReadonlyArray<string>,
  what: string,
  onEvent: (event: unknown) => void = () => undefined
): Child => {
  const waiting = new Map<number, (said: typeof Said.Type) => void>()
  let last = 0
  const lines = start(command, (line) => {
    const said = decodeSaid(line)
    if ("event" in said) return onEvent(said.event)
    waiting.get(said.id)?.(said)
    waiting.delete(said.id)
  })
  return {
    ...lines,
    ask: async (order, schema, patienceMillis = answerMillis) => {
      last += 1
      const id = last
      const { promise, resolve } = Promise.withResolvers<typeof Said.Type>()
      waiting.set(id, resolve)
      lines.write(JSON.stringify({ id, order }))
      const question = `the answer of ${what} to ${JSON.stringify(order).slice(0, 200)}`
      const said = await within(patienceMillis, question, promise)
      if ("failed" in said) throw new Error(`${question}: ${said.failed}`)
      return Schema.decodeUnknownSync(schema)("answer" in said ? said.answer : undefined)
    }
  }
}

/** Where Node keeps programs that it has compiled: hosts come up in half the time. */
const compileCache = new URL("../../node_modules/.cache/grinta-net/programs", import.meta.url).pathname

/** Starts a program; `ip netns exec` and `env` become it, so its process id is that of the child. */
export const spawn = ({ args = [], env = {}, host, net, onEvent, program }: Options): Child => {
  const file = new URL(`./programs/${program}`, import.meta.url).pathname
  const variables = Object.entries({ NODE_COMPILE_CACHE: compileCache, ...env }).map(
    ([name, value]) => `${name}=${value}`
  )
  const command = net.command(host, ["env", ...variables, process.execPath, file, ...args])
  return ask(command, `${program} on ${net.address(host)}`, onEvent)
}
