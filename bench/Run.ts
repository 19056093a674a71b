/** What one run of the bench has measured, as it is kept in a file. */
import { Schema } from "effect"

export const Figure = Schema.Struct({
  name: Schema.String,
  title: Schema.String,
  unit: Schema.String,
  better: Schema.Literals(["higher", "lower"])
})
export type Figure = typeof Figure.Type

/** One value for each repeat. */
const Result = Schema.Struct({
  figure: Schema.String,
  candidate: Schema.String,
  values: Schema.Array(Schema.Number).check(Schema.isMinLength(1))
})
export type Result = typeof Result.Type

export const Run = Schema.Struct({
  node: Schema.String,
  cores: Schema.Number,
  /** Load average of the minute before. */
  load: Schema.Number,
  repeats: Schema.Number,
  seconds: Schema.Number,
  /** Candidates that could not be measured at all. */
  leftOut: Schema.Array(Schema.Struct({ name: Schema.String, why: Schema.String })),
  /** Measurements that went wrong. */
  failed: Schema.Array(Schema.Struct({ row: Schema.String, candidate: Schema.String, why: Schema.String })),
  figures: Schema.Array(Figure),
  results: Schema.Array(Result)
})
export type Run = typeof Run.Type

export const fromJson = Schema.decodeUnknownResult(Schema.fromJsonString(Run))
