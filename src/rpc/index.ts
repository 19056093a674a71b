/**
 * grinta/rpc: Effect Rpc over flows.
 *
 * An entry of its own: the core knows nothing of it, and a program without it loads nothing of Effect Rpc.
 */
export {
  CallError,
  type CallErrorReason,
  CallsExceeded,
  PayloadMisfit,
  ReplyUnsendable,
  RpcDiffers,
  RpcUnknown
} from "./CallError.ts"
export type { CallOptions, Options as ClientOptions } from "./ClientProtocol.ts"
/** Serves an `RpcGroup` of Effect under a name, and calls it from anywhere. */
export * as FabricRpc from "./FabricRpc.ts"
