/**
 * Request: reads the headers of a request for connect-node, and refuses one that cannot be served: with headers alone,
 * since some clients take anything else for a broken server.
 *
 * Source: RFC 9110, sections 10.1.1 and 15.5; gRPC over HTTP/2, "Responses"; the Connect protocol, "Error Codes".
 */
import type * as http2 from "node:http2"
import { Result } from "effect"
import * as Foreign from "../../../../protocol/Foreign.ts"
import * as Metadata from "../../../../protocol/flow/Metadata.ts"
import * as Timeout from "../../../../protocol/flow/Timeout.ts"
import * as DirectCall from "../DirectCall.ts"

type Headers = http2.IncomingHttpHeaders

/** Compression of frames that is read. Answers are not compressed. */
export const compression = "gzip"

/** Frames in binary, in one of the three protocols. JSON is not needed, and its parsing is a place to attack. */
const contentTypes = /^application\/(?:connect\+proto|grpc(?:-web)?(?:\+proto)?)$/i

const typeOf = (headers: Headers): string => headers["content-type"] ?? ""

const isGrpc = (headers: Headers): boolean => /^application\/grpc(?:$|[+-])/i.test(typeOf(headers))

/** Names the header in which a call of this content-type says the compression of its frames. */
const encodingOf = (headers: Headers): "grpc-encoding" | "connect-content-encoding" =>
  isGrpc(headers) ? "grpc-encoding" : "connect-content-encoding"

/** Returns the time that the caller gives the call, in ms; undefined for ever, NaN for a header that is no time. */
export const timeoutOf = (headers: Headers): number | undefined => {
  const header = Timeout.headerOf(typeOf(headers))
  const said = headers[header]
  return said === undefined ? undefined : Timeout.parse(header, String(said))
}

/**
 * Whether a call needs nothing but its frames taken and given: Connect in binary, no compression, a deadline that makes
 * sense or none. connect-node serves all others: it speaks the other protocols, and says what is wrong.
 */
export const isDirect = (headers: Headers): boolean =>
  headers[":path"] === DirectCall.path &&
  headers[":method"] === "POST" &&
  headers["content-type"] === DirectCall.contentType &&
  (headers["connect-protocol-version"] ?? DirectCall.protocolVersion) === DirectCall.protocolVersion &&
  headers["content-encoding"] === undefined &&
  headers["connect-content-encoding"] === undefined &&
  headers.expect === undefined &&
  !Number.isNaN(timeoutOf(headers))

/**
 * Parses the metadata of the headers; a string says why it cannot be taken. Reads the list of raw headers, since Node's
 * object of headers merges values of the same name, and costs more to go through.
 */
export const metadataOf = (rawHeaders: ReadonlyArray<string>): Metadata.Metadata | string | undefined => {
  const said: Array<readonly [string, unknown]> = []
  for (let at = 0; at < rawHeaders.length; at += 2)
    if (rawHeaders[at]?.startsWith(Metadata.headerPrefix))
      said.push([rawHeaders[at]?.slice(Metadata.headerPrefix.length) ?? "", rawHeaders[at + 1]])
  return said.length === 0 ? undefined : Result.getOrElse(Metadata.parse(said), (detail) => detail)
}

export const isCompressed = (headers: Headers): boolean => headers[encodingOf(headers)] === compression

/** Whether the client waits to hear that its body is welcome before it sends any. */
export const isCautious = (headers: Headers): boolean => headers.expect?.toLowerCase() === "100-continue"

/** gRPC's UNIMPLEMENTED. */
const unimplemented = "12"

/** Returns the headers that answer a request for none of the served calls; undefined when it is for one. */
export const refusalOf = (headers: Headers, isServed: boolean): http2.OutgoingHttpHeaders | undefined => {
  const type = typeOf(headers)
  if (!isServed) {
    if (!isGrpc(headers)) return { ":status": 404 }
    const message = `nothing is served at ${encodeURI(Foreign.text(headers[":path"] ?? ""))}`
    return { ":status": 200, "content-type": type, "grpc-status": unimplemented, "grpc-message": message }
  }
  if (headers[":method"] !== "POST") return { ":status": 405, allow: "POST" }
  return contentTypes.test(type) ? undefined : { ":status": 415 }
}

/**
 * Returns the headers that connect-node is shown. Deadlines are kept here, and connect-node gets only one that is no
 * time, to refuse it. Messages come to it inflated, so it is shown no compression but one that it has to refuse, and
 * that of a whole body as well. The authority goes into a URL that is not read, and a malformed one would throw.
 */
export const shown = (headers: Headers): Headers => {
  const { "content-encoding": whole = "identity", "connect-protocol-version": version } = headers
  const encoding = encodingOf(headers)
  return {
    ...headers,
    ":authority": "grinta",
    "connect-protocol-version": version ?? DirectCall.protocolVersion,
    "connect-accept-encoding": undefined,
    "grpc-accept-encoding": undefined,
    ...(!Number.isNaN(timeoutOf(headers)) && { [Timeout.headerOf(typeOf(headers))]: undefined }),
    ...(isCompressed(headers) && { [encoding]: undefined }),
    ...(whole !== "identity" && { [encoding]: `${whole} of the whole body` })
  }
}
