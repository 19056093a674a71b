/** What a user imports from the package by value; a name is added here when it becomes public. */
export const names: ReadonlyArray<string> = [
  // What a program is made of.
  "Access",
  "Codec",
  "Endpoint",
  "Fabric",
  "Gossip",
  "GossipSocket",
  "Registry",
  "Self",
  "Transport",
  // How it fails.
  "FlowError",
  "DeadlineExceeded",
  "FlowClosed",
  "FlowReset",
  "MalformedMessage",
  "MessageTooLarge",
  "PeerLost",
  "ProtocolViolation",
  "LinkBroken",
  "NetworkError",
  "EndpointBusy",
  "EndpointNotFound",
  "FabricClosed",
  "HostUnreachable",
  "Incompatible",
  "InvalidConfig",
  "JoinFailed",
  "NameInvalid",
  "NameTaken",
  "QuotaExceeded",
  "Timeout",
  "Unauthorized",
  // How a host is put together.
  "FabricLocal",
  "FabricMesh",
  "GossipSocketMemory",
  "GossipSocketNode",
  "GossipSwim",
  "Grinta",
  "MemoryNetwork",
  "RegistryGossip",
  "RegistryLocal",
  "SelfLive",
  "SocketFailed",
  "TransportConnect",
  "TransportMemory"
]

/** The same of grinta/rpc. */
export const rpcNames: ReadonlyArray<string> = [
  "FabricRpc",
  "CallError",
  "CallsExceeded",
  "PayloadMisfit",
  "ReplyUnsendable",
  "RpcDiffers",
  "RpcUnknown"
]

/** All that `grinta/testing` gives; `grinta/testing/vitest` gives `it`. */
export const testingNames: ReadonlyArray<string> = ["Simulation"]
