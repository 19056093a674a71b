/**
 * Trace of a flow: the caller's span as Open carries it, and the handler's span below it.
 *
 * Shape: the two headers of W3C Trace Context, version 00. `tracestate` goes on as it came, from flow to flow.
 * Bounds: a state above 512 characters or beyond printable ASCII is left out; an odd parent is ignored.
 * Source: https://www.w3.org/TR/trace-context/.
 */
import { Clock, Context, Effect, type Exit, Option, References, Tracer } from "effect"
import type { Trace } from "../../protocol/flow/Frame.ts"

/** `tracestate`, which other tracers add to; it rides on the span of the flow that brought it. */
class TraceState extends Context.Service<TraceState, string>()("grinta/layers/flow/Trace/TraceState") {}

const stateLengthMax = 512

/** Whether a state is printable and short enough: it goes into logs and exported spans as it is. */
const isState = (state: string): boolean => state.length <= stateLengthMax && /^[\x20-\x7e]+$/.test(state)

const pattern = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/

const parse = (
  parent: string
): { readonly traceId: string; readonly spanId: string; readonly sampled: boolean } | undefined => {
  const [, traceId = "", spanId = "", flags = ""] = pattern.exec(parent) ?? []
  if (/^0*$/.test(traceId) || /^0*$/.test(spanId)) return undefined
  return { traceId, spanId, sampled: (Number.parseInt(flags, 16) & 1) === 1 }
}

/** Returns the state that came with the flow in whose handler this span is; empty for none. */
const stateOf = (span: Tracer.AnySpan): string => {
  const own = Context.getOption(span.annotations, TraceState)
  if (Option.isSome(own)) return own.value
  return span._tag === "Span" && Option.isSome(span.parent) ? stateOf(span.parent.value) : ""
}

const traceOf = (span: Tracer.AnySpan): Trace | undefined => {
  const parent = `00-${span.traceId.padStart(32, "0")}-${span.spanId}-${span.sampled ? "01" : "00"}`
  return parse(parent) === undefined ? undefined : { parent, state: stateOf(span) }
}

/** Returns the trace of the current span; undefined when there is none, or it has no W3C ids. */
export const current: Effect.Effect<Trace | undefined> = Effect.map(
  Effect.option(Effect.currentParentSpan),
  Option.match({ onNone: () => undefined, onSome: traceOf })
)

/** A stack captured here tells nothing of a handler, and costs more than the rest of a span. */
const ofHandler = { kind: "server", captureStackTrace: false } as const

/** Starts the span of a handler: below the caller's, or at the root when none came. Its caller ends it with `end`. */
export const begin = (name: string, trace: Trace | undefined): Effect.Effect<Tracer.Span> => {
  const ids = trace === undefined ? undefined : parse(trace.parent)
  if (trace === undefined || ids === undefined) return Effect.makeSpan(name, { root: true, ...ofHandler })
  const isCarried = isState(trace.state)
  const annotations = isCarried ? Context.make(TraceState, trace.state) : Context.empty()
  return Effect.makeSpan(name, { parent: Tracer.externalSpan({ ...ids, annotations }), ...ofHandler })
}

export const end = (span: Tracer.Span, exit: Exit.Exit<unknown, unknown>): Effect.Effect<void> =>
  Effect.map(Effect.all([Clock.Clock, References.TracerTimingEnabled]), ([clock, isTimed]) =>
    span.end(isTimed ? clock.currentTimeNanosUnsafe() : 0n, exit)
  )
