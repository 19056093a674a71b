/**
 * `grpc.reflection.v1.ServerReflection`: tells the services of the flow port, and their files, to tools without them.
 *
 * The version before it, v1alpha, has the same messages in the same bytes, so it is served under its path too.
 */
import { createRegistry, type DescFile, type MessageInitShape, toBinary } from "@bufbuild/protobuf"
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt"
import { Code, type ConnectRouter } from "@connectrpc/connect"
import { identity, Stream } from "effect"
import { FlowService, file_grinta_v1_flow } from "../../../../protocol/gen/grinta/v1/flow_pb.ts"
import { file_grpc_health_v1_health, Health } from "../../../../protocol/gen/grpc/health/v1/health_pb.ts"
import {
  file_grpc_reflection_v1_reflection,
  ServerReflection,
  type ServerReflectionRequest,
  type ServerReflectionResponseSchema
} from "../../../../protocol/gen/grpc/reflection/v1/reflection_pb.ts"

type Answer = Exclude<MessageInitShape<typeof ServerReflectionResponseSchema>["messageResponse"], undefined>

const files: ReadonlyArray<DescFile> = [
  file_grinta_v1_flow,
  file_grpc_health_v1_health,
  file_grpc_reflection_v1_reflection
]

const services = [FlowService, Health, ServerReflection]

const types = createRegistry(...files)

const failed = (errorCode: Code, errorMessage: string): Answer => ({
  case: "errorResponse",
  value: { errorCode, errorMessage }
})

const encoded = new Map<DescFile, Uint8Array>()

/** Encodes a file, once. */
const bytesOf = (file: DescFile): Uint8Array => {
  const bytes = encoded.get(file) ?? toBinary(FileDescriptorProtoSchema, file.proto)
  encoded.set(file, bytes)
  return bytes
}

/** Answers with one file: none of these files needs another. */
const answerFile = (file: DescFile | undefined, what: string): Answer =>
  file === undefined
    ? failed(Code.NotFound, `there is no ${what} here`)
    : {
        case: "fileDescriptorResponse",
        value: { fileDescriptorProto: [bytesOf(file)] }
      }

/** Returns the file of a symbol: of a method, a field or a value it is that of its service, message or enum. */
const fileOf = (symbol: string): DescFile | undefined =>
  (types.get(symbol) ?? types.get(symbol.slice(0, Math.max(0, symbol.lastIndexOf(".")))))?.file

const answer = ({ messageRequest }: ServerReflectionRequest): Answer => {
  switch (messageRequest.case) {
    case "listServices":
      return { case: "listServicesResponse", value: { service: services.map(({ typeName: name }) => ({ name })) } }
    case "fileByFilename":
      return answerFile(
        files.find(({ proto }) => proto.name === messageRequest.value),
        "such file"
      )
    case "fileContainingSymbol":
      return answerFile(fileOf(messageRequest.value), "such symbol")
    case "allExtensionNumbersOfType":
      return types.getMessage(messageRequest.value) === undefined
        ? failed(Code.NotFound, "there is no such message here")
        : { case: "allExtensionNumbersResponse", value: { baseTypeName: messageRequest.value } }
    case "fileContainingExtension":
      return failed(Code.NotFound, "there are no extensions here")
    case undefined:
      return failed(Code.InvalidArgument, "it asks for nothing")
  }
}

export const path = `/${ServerReflection.typeName}/ServerReflectionInfo`
export const pathBefore = path.replace(".v1.", ".v1alpha.")

export const route = (router: ConnectRouter): ConnectRouter =>
  router.service(ServerReflection, {
    serverReflectionInfo: (requests) =>
      Stream.toAsyncIterable(
        Stream.map(Stream.fromAsyncIterable(requests, identity), (request) => ({
          validHost: request.host,
          originalRequest: request,
          messageResponse: answer(request)
        }))
      )
  })
