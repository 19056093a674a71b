/** The endpoints that the measured process exposes, in grinta's terms. */
import { Schema } from "effect"
import { Codec, Endpoint } from "../../src/index.ts"

export const Echo = Endpoint.make("bench.echo", { input: Codec.bytes, output: Codec.bytes })

/** Counts what comes, and says how many there were once the caller has ended: a row counts only if all have arrived. */
export const Sink = Endpoint.make("bench.sink", { input: Codec.bytes, output: Schema.Number })

/** Does nothing until its process dies. */
export const Hold = Endpoint.make("bench.hold", { input: Codec.bytes, output: Codec.bytes, ownership: "group" })
