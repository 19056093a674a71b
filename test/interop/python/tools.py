"""What the tools of gRPC find on a port: the health that is told, and the services that reflection names, as JSON."""

import json
import sys

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

target, *names = sys.argv[1:]
channel = grpc.insecure_channel(target)


def check(name):
    try:
        status = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(service=name), timeout=10)
    except grpc.RpcError as error:
        return error.code().name
    return health_pb2.HealthCheckResponse.ServingStatus.Name(status.status)


database = ProtoReflectionDescriptorDatabase(channel)
flow = database.FindFileContainingSymbol("grinta.v1.FlowService")
print(
    json.dumps(
        {
            "health": {name: check(name) for name in names},
            "services": sorted(database.get_services()),
            "methods": [method.name for service in flow.service for method in service.method],
        }
    )
)
