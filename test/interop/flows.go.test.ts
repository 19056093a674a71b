/** connect-go opens flows to an endpoint of ours, over each of its protocols; and ours to one of connect-go. */

import { flowLaws } from "./FlowLaws.ts"
import * as FlowPeer from "./FlowPeer.ts"
import { hostLaws } from "./HostLaws.ts"
import { describeWith, go } from "./Peers.ts"

describeWith([go], "connect-go", () => {
  FlowPeer.build()
  for (const protocol of ["connect", "grpc", "grpcweb"] as const)
    flowLaws({
      name: protocol,
      isDirect: protocol === "connect",
      call: (port, { timeoutMillis }) => FlowPeer.call(port, { protocol, timeoutMillis })
    })
  hostLaws("as a host", FlowPeer.serve)
})
