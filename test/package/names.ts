/** What a user imports from the package by value; a name is added here when it becomes public. */
export const names: ReadonlyArray<string> = [
  "Endpoint",
  "Fabric",
  "FlowError",
  "Gossip",
  "NetworkError",
  "Registry",
  "Transport"
]
