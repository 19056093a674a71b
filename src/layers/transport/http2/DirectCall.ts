/** DirectCall: the request of a direct call: Connect, in binary protobuf and without compression. */

export const path = "/grinta.v1.FlowService/Open"
export const contentType = "application/connect+proto"
export const protocolVersion = "1"
