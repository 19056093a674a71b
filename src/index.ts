/**
 * grinta: a minimalist network fabric for fibers.
 *
 * Services, endpoints and errors by name; layers as namespaces.
 *
 * @module
 */

export * as SelfLive from "./layers/core/SelfLive.ts"
export * as FabricLocal from "./layers/fabric/FabricLocal.ts"
export * as FabricMesh from "./layers/fabric/FabricMesh.ts"
export * as Grinta from "./layers/Grinta.ts"
export * as GossipSwim from "./layers/gossip/GossipSwim.ts"
export * as GossipSocketMemory from "./layers/gossip/socket/GossipSocketMemory.ts"
export * as GossipSocketNode from "./layers/gossip/socket/GossipSocketNode.ts"
export * as MemoryNetwork from "./layers/memory/MemoryNetwork.ts"
export * as RegistryGossip from "./layers/registry/RegistryGossip.ts"
export * as RegistryLocal from "./layers/registry/RegistryLocal.ts"
export * as TransportConnect from "./layers/transport/TransportConnect.ts"
export * as TransportMemory from "./layers/transport/TransportMemory.ts"
export type { Address } from "./protocol/Address.ts"
export type { Fail, Frame } from "./protocol/flow/Frame.ts"
export type { Metadata } from "./protocol/flow/Metadata.ts"
export type { Rule } from "./protocol/flow/Rule.ts"
export type {
  Certificate,
  Client as ProvenClient,
  Identity,
  Nothing as NothingProven,
  Proof,
  ProvenHost
} from "./protocol/Proof.ts"
export type { Audience } from "./protocol/swim/Input.ts"
export * as Access from "./services/Access.ts"
export * as Codec from "./services/Codec.ts"
export type { Contract, Ownership } from "./services/Contract.ts"
export * as Endpoint from "./services/Endpoint.ts"
export {
  type AllowOptions,
  type ConnectEachOptions,
  type ConnectOptions,
  type EachFlow,
  type ExposeOptions,
  type Exposure,
  Fabric,
  type Handler,
  type KeepOptions,
  type MetadataInput,
  type Select
} from "./services/Fabric.ts"
export type { Flow, Peer } from "./services/Flow.ts"
export {
  DeadlineExceeded,
  FlowClosed,
  FlowError,
  type FlowErrorReason,
  FlowReset,
  MalformedMessage,
  MessageTooLarge,
  PeerLost,
  ProtocolViolation
} from "./services/FlowError.ts"
export {
  type Evidence,
  Gossip,
  type GossipKey,
  type GossipKeyring,
  type GossipVerify,
  type Member,
  type MemberChange,
  type MemberStatus,
  type Passenger
} from "./services/Gossip.ts"
export { type ByteStream, type Datagram, GossipSocket, SocketFailed } from "./services/GossipSocket.ts"
export { type Host, Self } from "./services/Host.ts"
export {
  EndpointBusy,
  EndpointNotFound,
  FabricClosed,
  HostUnreachable,
  Incompatible,
  InvalidConfig,
  JoinFailed,
  NameInvalid,
  NameTaken,
  NetworkError,
  type NetworkErrorReason,
  QuotaExceeded,
  Timeout,
  Unauthorized
} from "./services/NetworkError.ts"
export { type Claim, type DownCause, type Entry, Registry, type RegistryEvent } from "./services/Registry.ts"
export { type FrameListener, type Link, LinkBroken, type Served, Transport } from "./services/Transport.ts"
