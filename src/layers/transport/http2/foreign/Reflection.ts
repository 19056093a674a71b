/**
 * `grpc.reflection.v1.ServerReflection`: which services the flow port has, and their files, for tools that were given none.
 *
 * The version before it, v1alpha, says the same in the same bytes, so it is served under its path too.
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

/** A file as it is told: each is encoded once. */
const bytesOf = (file: DescFile): Uint8Array => {
  const bytes = encoded.get(file) ?? toBinary(FileDescriptorProtoSchema, file.proto)
  encoded.set(file, bytes)
  return bytes
}

/** A file as it is known: none of these needs another one. */
const answerFile = (file: DescFile | undefined, what: string): Answer =>
  file === undefined
    ? failed(Code.NotFound, `there is no ${what} here`)
    : {
        case: "fileDescriptorResponse",
        value: { fileDescriptorProto: [bytesOf(file)] }
      }

/** What declares a symbol: that of a method, a field or a value is in its service, message or enum. */
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
