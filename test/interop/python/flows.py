"""The one call that a host serves, over Connect and HTTP/2, written from docs/protocol.md.

Its endpoints take and give bytes, and declare an error of JSON:

    echo      gives back what it gets
    busy      takes nobody
    moody     fails at the first message, with an error of its own
    rude      leaves at the first message, without a word
    counting  says that it has sent one message more than it has
"""

import asyncio
import struct

import h2.config
import h2.connection
import h2.events
import h2.exceptions
from grinta.v1 import flow_pb2 as proto

PATH, TYPE = "/grinta.v1.FlowService/Open", "application/connect+proto"
FRAME_BYTES_MAX = 131072
ENDPOINTS = ["echo", "busy", "moody", "rude", "counting"]
# Of contract 0, so left unchecked: what each takes and gives is bytes.
CONTRACT = 0


def envelope(flags, body):
    return struct.pack(">BI", flags, len(body)) + body


def rejected(reason):
    return proto.Frame(rejected=proto.Rejected(reason=reason))


def failed(reason, error=b"", detail=""):
    return proto.Frame(fail=proto.Fail(reason=reason, error=error, detail=detail))


class Flow:
    """One flow: takes the frames of its caller, gives those of the host. It is over once it has said its last."""

    def __init__(self, name):
        self.host = name
        self.endpoint = None
        self.count = 0
        self.is_in_message = False
        self.is_over = False

    def last(self, *frames):
        self.is_over = True
        return frames

    def violation(self, detail):
        return self.last(failed(proto.FAIL_REASON_PROTOCOL_VIOLATION, detail=detail))

    def take(self, frame):
        kind = frame.WhichOneof("kind")
        if self.endpoint is None:
            return self.open(frame.open) if kind == "open" else self.violation("something came before Open")
        if kind == "data":
            return self.data(frame.data)
        if kind == "end":
            if self.is_in_message or frame.end.count != self.count:
                return self.violation("another number of messages came")
            more = 1 if self.endpoint == "counting" else 0
            return self.last(proto.Frame(end=proto.End(count=self.count + more)))
        if kind == "fail":
            return self.last()
        return self.violation(f"{kind} on a flow that is open")

    def open(self, asked):
        if asked.wire_version != 1:
            return self.last(rejected(proto.REJECT_REASON_INCOMPATIBLE))
        if asked.host not in ("", self.host):
            return self.last(rejected(proto.REJECT_REASON_WRONG_HOST))
        if asked.endpoint not in ENDPOINTS:
            return self.last(rejected(proto.REJECT_REASON_ENDPOINT_NOT_FOUND))
        if asked.codec not in ("", "bytes/bytes"):
            return self.last(rejected(proto.REJECT_REASON_INCOMPATIBLE))
        if asked.endpoint == "busy":
            return self.last(rejected(proto.REJECT_REASON_ENDPOINT_BUSY))
        self.endpoint = asked.endpoint
        return [proto.Frame(accepted=proto.Accepted())]

    def data(self, data):
        if not data.messages:
            # The second word of a caller: this host is of revision 0, and has started with the first.
            return []
        if self.endpoint == "moody":
            return self.last(failed(proto.FAIL_REASON_DOMAIN, b'{"_tag":"Banned","until":"tomorrow"}'))
        if self.endpoint == "rude":
            return self.last()
        self.count += len(data.messages) - (1 if data.partial else 0)
        self.is_in_message = data.partial
        return [proto.Frame(data=data)]


class Call:
    """The stream of a flow: envelopes in, envelopes out as the windows allow."""

    def __init__(self, name):
        self.flow = Flow(name)
        self.incoming = b""
        self.outgoing = bytearray()
        self.is_answered = False
        self.is_ended = False

    def give(self, frames):
        for frame in frames:
            self.outgoing += envelope(0, frame.SerializeToString())
        if self.flow.is_over and not self.is_ended:
            self.is_ended = True
            self.outgoing += envelope(2, b"{}")

    def take(self, data):
        self.incoming += data
        while len(self.incoming) >= 5 and not self.flow.is_over:
            flags, length = struct.unpack(">BI", self.incoming[:5])
            if flags != 0 or length > FRAME_BYTES_MAX:
                return self.give(self.flow.violation("no frame of a host"))
            if len(self.incoming) < 5 + length:
                return
            frame = proto.Frame.FromString(self.incoming[5 : 5 + length])
            self.incoming = self.incoming[5 + length :]
            self.give(self.flow.take(frame))

    def finish(self):
        """The caller says nothing more."""
        if not self.flow.is_over:
            self.give(self.flow.violation("the stream stopped without End"))


class Session(asyncio.Protocol):
    def __init__(self, name):
        self.name = name
        self.http2 = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
        self.calls = {}

    def connection_made(self, transport):
        self.transport = transport
        self.http2.initiate_connection()
        self.flush()

    def data_received(self, data):
        try:
            for event in self.http2.receive_data(data):
                self.hear(event)
        except h2.exceptions.ProtocolError:
            self.transport.write(self.http2.data_to_send())
            return self.transport.close()
        self.flush()

    def hear(self, event):
        call = self.calls.get(getattr(event, "stream_id", None))
        if isinstance(event, h2.events.RequestReceived):
            self.begin(event.stream_id, {name.decode(): value.decode() for name, value in event.headers})
        elif isinstance(event, h2.events.DataReceived):
            self.http2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            if call is not None:
                call.take(event.data)
        elif isinstance(event, h2.events.StreamEnded) and call is not None:
            call.finish()
        elif isinstance(event, h2.events.StreamReset):
            self.calls.pop(event.stream_id, None)

    def begin(self, stream, headers):
        status = None
        if headers[":path"] != PATH:
            status = "404"
        elif headers[":method"] != "POST":
            status = "405"
        elif headers.get("content-type") != TYPE:
            status = "415"
        if status is not None:
            return self.http2.send_headers(stream, [(":status", status)], end_stream=True)
        self.calls[stream] = Call(self.name)

    def flush(self):
        """Writes what there is, as far as the windows go."""
        for stream, call in list(self.calls.items()):
            if call.outgoing and not call.is_answered:
                call.is_answered = True
                self.http2.send_headers(stream, [(":status", "200"), ("content-type", TYPE)])
            while call.outgoing:
                room = min(self.http2.local_flow_control_window(stream), self.http2.max_outbound_frame_size)
                if room <= 0:
                    break
                self.http2.send_data(stream, bytes(call.outgoing[:room]))
                del call.outgoing[:room]
            if call.is_ended and not call.outgoing:
                self.http2.end_stream(stream)
                del self.calls[stream]
        self.transport.write(self.http2.data_to_send())


async def serve(name, host):
    """Serves flows; the port."""
    server = await asyncio.get_running_loop().create_server(lambda: Session(name), host, 0)
    return server, server.sockets[0].getsockname()[1]
