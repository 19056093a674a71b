/**
 * `grpc.health.v1.Health`: tells whether this host takes flows, and whether one of its endpoints does.
 *
 * The empty name, and that of the flow service, stand for the host; any other for an endpoint. Names are not listed: a
 * client knows them.
 */
import { Code, ConnectError, type ConnectRouter, type HandlerContext } from "@connectrpc/connect"
import { Effect, Stream } from "effect"
import * as Foreign from "../../../../protocol/Foreign.ts"
import { FlowService } from "../../../../protocol/gen/grinta/v1/flow_pb.ts"
import {
  Health,
  HealthCheckResponse_ServingStatus as Status
} from "../../../../protocol/gen/grpc/health/v1/health_pb.ts"
import type { Served } from "../../../../services/Transport.ts"

const statusOf = (served: Served, service: string): Status | undefined => {
  const status = served.statusOf(service) ?? (service === FlowService.typeName ? served.statusOf("") : undefined)
  if (status === undefined) return undefined
  return status === "serving" ? Status.SERVING : Status.NOT_SERVING
}

const aborted = ({ signal }: Pick<HandlerContext, "signal">): Effect.Effect<void> =>
  Effect.callback((resume) => {
    const stop = () => resume(Effect.void)
    if (signal.aborted) return stop()
    signal.addEventListener("abort", stop, { once: true })
    return Effect.sync(() => signal.removeEventListener("abort", stop))
  })

/** Emits each status of a service from now on, the present one first. A status over before it was told is left out. */
const statuses = (served: Served, service: string): Stream.Stream<Status> => {
  let told: Status | undefined
  const now = () => statusOf(served, service) ?? Status.SERVICE_UNKNOWN
  const next = Effect.suspend(() => served.until(() => now() !== told)).pipe(Effect.map(() => (told = now())))
  return Stream.fromEffectRepeat(next)
}

export const route = (router: ConnectRouter, served: Served): ConnectRouter =>
  router.service(Health, {
    check: ({ service }) => {
      const status = statusOf(served, service)
      return status === undefined
        ? Promise.reject(new ConnectError(`no endpoint ${Foreign.quoted(service)} is exposed here`, Code.NotFound))
        : { status }
    },
    watch: ({ service }, context) =>
      Stream.toAsyncIterable(
        statuses(served, service).pipe(
          Stream.map((status) => ({ status })),
          Stream.interruptWhen(aborted(context))
        )
      )
  })
