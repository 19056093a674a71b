"""A client: one call to a host, written from docs/protocol.md, with grpcio or with the client of Connect itself.

Driven by lines of JSON: {"send": FRAME}, {"finish": true}, {"cancel": true}. It tells {"frame": FRAME} of each frame that
comes, and {"over": CODE} at the end. It ends with its standard input, since with it goes its connection.
"""

import argparse
import json
import os
import queue
import sys
import threading

from google.protobuf import json_format

parser = argparse.ArgumentParser()
parser.add_argument("--generated", required=True, help="where the generated code is")
parser.add_argument("--target", required=True, help="address and port of the host")
parser.add_argument("--timeout", type=float, default=0, help="deadline of the call in seconds; 0 for none")
parser.add_argument("--connect", action="store_true", help="Connect instead of gRPC; it compresses unless told not to")
parser.add_argument("--gzip", action="store_true", help="compress what is sent, over gRPC")
parser.add_argument("--authorities", help="file with the authorities to believe, over gRPC; TLS then, with a certificate")
parser.add_argument("--certificate")
parser.add_argument("--key")
options = parser.parse_args()
sys.path.insert(0, options.generated)

from grinta.v1 import flow_pb2  # noqa: E402

sent = queue.SimpleQueue()
obeying = []


def tell(line):
    print(json.dumps(line), flush=True)


def frames():
    """The frames to send, until the side is finished."""
    while (frame := sent.get()) is not None:
        yield frame


def obey(cancel):
    """Does as it is told, while the call goes on."""

    def run():
        for line in sys.stdin:
            order = json.loads(line)
            if "send" in order:
                sent.put(json_format.ParseDict(order["send"], flow_pb2.Frame()))
            elif "finish" in order:
                sent.put(None)
            elif "cancel" in order:
                cancel()

    obeying.append(threading.Thread(target=run, daemon=True))
    obeying[0].start()


def read(path):
    with open(path, "rb") as file:
        return file.read()


def call_grpc():
    """The answers of a call over gRPC, and what its code is once it is over."""
    import grpc
    from grinta.v1 import flow_pb2_grpc

    if options.authorities is None:
        channel = grpc.insecure_channel(options.target)
    else:
        material = read(options.authorities), read(options.key), read(options.certificate)
        channel = grpc.secure_channel(options.target, grpc.ssl_channel_credentials(*material))
    compression = grpc.Compression.Gzip if options.gzip else None
    stub = flow_pb2_grpc.FlowServiceStub(channel)
    call = stub.Open(frames(), timeout=options.timeout or None, compression=compression)
    obey(call.cancel)
    try:
        yield from call
    except grpc.RpcError:
        pass
    code = call.code().name.lower()
    return "canceled" if code == "cancelled" else code


def call_connect():
    """The same over Connect, whose client is given up by ending the process."""
    from connectrpc.client import ConnectClientSync
    from connectrpc.compat import google_protobuf_binary_codec
    from connectrpc.errors import ConnectError
    from connectrpc.method import IdempotencyLevel, MethodInfo, StreamType
    from pyqwest import HTTPVersion, SyncClient, SyncHTTPTransport

    method = MethodInfo(
        name="Open",
        service_name="grinta.v1.FlowService",
        input=flow_pb2.Frame,
        output=flow_pb2.Frame,
        idempotency_level=IdempotencyLevel.UNKNOWN,
        stream_type=StreamType.BIDI_STREAM,
    )
    client = ConnectClientSync(
        f"http://{options.target}",
        codec=google_protobuf_binary_codec(),
        http_client=SyncClient(SyncHTTPTransport(http_version=HTTPVersion.HTTP2)),
    )
    obey(lambda: os._exit(0))
    timeout = int(options.timeout * 1000) or None
    try:
        yield from client.execute_bidi_stream(request=frames(), method=method, timeout_ms=timeout)
    except ConnectError as error:
        return error.code.value
    return "ok"


def told(call):
    """Tells what comes; the code at the end."""
    while True:
        try:
            frame = next(call)
        except StopIteration as end:
            return end.value
        tell({"frame": json_format.MessageToDict(frame)})


tell({"over": told(call_connect() if options.connect else call_grpc())})
sent.put(None)
for thread in obeying:
    thread.join()
