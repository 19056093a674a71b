/** In a program of this folder: how it is told what to do, and says what becomes of it. `Child.ts` is the other end. */
import { createInterface } from "node:readline"
import { Schema } from "effect"

const Told = Schema.fromJsonString(Schema.Struct({ id: Schema.Number, order: Schema.Unknown }))
const decode = Schema.decodeUnknownSync(Told)

/** Says something of itself. */
export const tell = (event: object): void => {
  process.stdout.write(`${JSON.stringify({ event })}\n`)
}

/** Obeys until standard input ends, which ends the process. */
export const obey = (carryOut: (order: unknown) => Promise<object>): void => {
  createInterface({ input: process.stdin })
    .on("line", async (line) => {
      const { id, order } = decode(line)
      const said = await carryOut(order).then(
        (answer) => ({ id, answer }),
        (cause) => ({ id, failed: String(cause) })
      )
      process.stdout.write(`${JSON.stringify(said)}\n`)
    })
    .on("close", () => process.exit(0))
}
