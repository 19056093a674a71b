"""A member of the gossip, as far as docs/protocol.md says that a host needs to be one.

It answers pings and push/pulls, refutes what is said of it, and asks its seed for a push/pull now and then. It probes nobody.
"""

import asyncio
import socket
import struct
import time
import zlib

import msgpack

PING, ACK, SUSPECT, ALIVE, DEAD, PUSH_PULL, COMPOUND, USER, COMPRESSED, CHECKSUM, LABEL = 0, 2, 3, 4, 5, 6, 7, 8, 9, 12, 244
VERSIONS = bytes([1, 5, 2, 0, 0, 0])
STATES = ["alive", "suspect", "dead", "left"]


def pack(fields):
    """A structure: its fields in order, strings and bytes in the old raw form."""
    return msgpack.packb({name: fields[name] for name in sorted(fields)}, use_bin_type=False)


def message(kind, **fields):
    return bytes([kind]) + pack(fields)


def unpack(data):
    """The structure at the start of some bytes, and where it ends; None while it is not all there."""
    unpacker = msgpack.Unpacker(raw=True, strict_map_key=False)
    unpacker.feed(data)
    try:
        fields = unpacker.unpack()
    except msgpack.OutOfData:
        return None
    return {key.decode(): value for key, value in (fields or {}).items()}, unpacker.tell()


def inflate(data):
    """LZW: codes of 9 to 12 bits from the lowest bit, 256 clears, 257 ends."""
    out, table, previous, width, bits, held = bytearray(), {}, None, 9, 0, 0
    code_next = 257
    for byte in data:
        held |= byte << bits
        bits += 8
        while bits >= width:
            code = held & ((1 << width) - 1)
            held >>= width
            bits -= width
            if code == 257:
                return bytes(out)
            if code == 256:
                table, previous, width, code_next = {}, None, 9, 257
                continue
            entry = bytes([code]) if code < 256 else table.get(code)
            if entry is None:
                entry = previous + previous[:1]
            out += entry
            if previous is not None and code_next < 4096:
                table[code_next] = previous + entry[:1]
            previous = entry
            if code_next + 1 < 4096:
                code_next += 1
                if code_next == 1 << width and width < 12:
                    width += 1
            else:
                previous = None
    raise ValueError("no end")


def decompress(body):
    return inflate(unpack(body)[0]["Buf"])


def parse_state(data):
    """A push/pull behind its type: members and user state; None while it is not all there."""
    header = unpack(data)
    if header is None:
        return None
    fields, at = header
    nodes = []
    for _ in range(fields["Nodes"]):
        node = unpack(data[at:])
        if node is None:
            return None
        nodes.append(node[0])
        at += node[1]
    end = at + fields.get("UserStateLen", 0)
    return (nodes, data[at:end]) if len(data) >= end else None


class Member(asyncio.DatagramProtocol):
    """This host among the members. `user_state` gives what hosts get in a push/pull, `hear` what they give."""

    def __init__(self, name, label, meta, user_state, hear):
        self.name, self.label, self.meta = name.encode(), label.encode(), meta
        self.user_state, self.hear = user_state, hear
        self.incarnation = 1
        self.members = {}
        self.address = None
        self.transport = None

    async def start(self, host):
        """Binds UDP and TCP to one port."""
        loop = asyncio.get_running_loop()
        while self.transport is None:
            self.server = await asyncio.start_server(self.serve, host, 0)
            self.address = self.server.sockets[0].getsockname()[:2]
            try:
                self.transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=self.address)
            except OSError:
                self.server.close()

    def labelled(self, data):
        return bytes([LABEL, len(self.label)]) + self.label + data if self.label else data

    def unlabelled(self, data):
        head = self.labelled(b"")
        if not data.startswith(head):
            raise ValueError("another fabric")
        return data[len(head) :]

    def own(self, state):
        host, port = self.address
        return {
            "Addr": socket.inet_aton(host),
            "Incarnation": self.incarnation,
            "Meta": self.meta,
            "Name" if state else "Node": self.name,
            "Port": port,
            "Vsn": VERSIONS,
            **({"State": 0} if state else {}),
        }

    def send(self, data, to):
        self.transport.sendto(self.labelled(data), to)

    def gossip(self, data):
        for node in self.members.values():
            self.send(data, (socket.inet_ntoa(node["Addr"]), node["Port"]))

    def alive(self):
        return message(ALIVE, **self.own(False))

    def leave(self):
        self.gossip(message(DEAD, From=self.name, Incarnation=self.incarnation, Node=self.name))

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, source):
        try:
            self.take(self.unlabelled(data), source)
        except (ValueError, TypeError, KeyError, IndexError, struct.error, msgpack.UnpackException):
            pass

    def take(self, data, source):
        kind, body = data[0], data[1:]
        if kind == CHECKSUM:
            if zlib.crc32(body[4:]) == struct.unpack(">I", body[:4])[0]:
                self.take(body[4:], source)
        elif kind == COMPRESSED:
            self.take(decompress(body), source)
        elif kind == COMPOUND:
            lengths = struct.unpack(f">{body[0]}H", body[1 : 1 + 2 * body[0]])
            at = 1 + 2 * body[0]
            for length in lengths:
                self.take(body[at : at + length], source)
                at += length
        elif kind == PING:
            fields = unpack(body)[0]
            if fields.get("Node", b"") in (b"", self.name):
                self.send(message(ACK, Payload=None, SeqNo=fields["SeqNo"]), source)
        elif kind in (SUSPECT, DEAD, ALIVE):
            self.learn(kind, unpack(body)[0])

    def learn(self, kind, fields):
        name = fields["Node"]
        if name == self.name:
            if kind != ALIVE or fields["Incarnation"] > self.incarnation:
                self.incarnation = max(self.incarnation, fields["Incarnation"]) + 1
                self.gossip(self.alive())
        elif kind == ALIVE:
            self.members[name] = fields
        elif kind == DEAD:
            self.members.pop(name, None)

    def merge(self, nodes, state):
        for node in nodes:
            kind = {0: ALIVE, 1: SUSPECT, 2: SUSPECT, 3: DEAD}[node["State"]]
            self.learn(kind, {**node, "Node": node["Name"]})
        if state:
            self.hear(bytes(state))

    def state(self, join):
        state = self.user_state()
        others = [{**self.listed(node), "Name": name, "State": 0} for name, node in self.members.items()]
        nodes = [self.own(True), *others]
        header = pack({"Join": join, "Nodes": len(nodes), "UserStateLen": len(state)})
        return bytes([PUSH_PULL]) + header + b"".join(map(pack, nodes)) + state

    def listed(self, node):
        return {key: node[key] for key in ("Addr", "Incarnation", "Meta", "Port", "Vsn")}

    async def read(self, reader, parse):
        """Reads until a message is all there."""
        data = b""
        while True:
            chunk = await reader.read(65536)
            data += chunk
            parsed = parse(data)
            if parsed is not None:
                return parsed
            if not chunk:
                raise ValueError("cut short")

    def parse_stream(self, data):
        """The type and the rest of what came over TCP; None while it is not all there."""
        if not data:
            return None
        kind, body = data[0], data[1:]
        if kind == COMPRESSED:
            packed = unpack(body)
            return None if packed is None else self.parse_stream(inflate(packed[0]["Buf"]))
        parsed = parse_state(body) if kind == PUSH_PULL else unpack(body)
        return None if parsed is None else (kind, parsed)

    async def serve(self, reader, writer):
        head = self.labelled(b"")
        try:
            parse = lambda data: self.parse_stream(self.unlabelled(data)) if len(data) > len(head) else None
            kind, parsed = await asyncio.wait_for(self.read(reader, parse), 10)
            if kind == PING:
                writer.write(message(ACK, Payload=None, SeqNo=parsed[0]["SeqNo"]))
            elif kind == PUSH_PULL:
                writer.write(self.state(False))
                self.merge(*parsed)
            await writer.drain()
        except (ValueError, KeyError, OSError, asyncio.TimeoutError, msgpack.UnpackException):
            pass
        finally:
            writer.close()

    async def push_pull(self, host, port, join):
        reader, writer = await asyncio.open_connection(host, port)
        try:
            writer.write(self.labelled(self.state(join)))
            kind, parsed = await asyncio.wait_for(self.read(reader, self.parse_stream), 10)
            if kind != PUSH_PULL:
                raise ValueError("no push/pull")
            self.merge(*parsed)
        finally:
            writer.close()

    async def stay(self, host, port, seconds=2):
        """Joins, and keeps in touch."""
        join = True
        while True:
            try:
                await self.push_pull(host, port, join)
                join = False
            except (OSError, ValueError):
                pass
            await asyncio.sleep(seconds)


def generation():
    """The start of this life, in microseconds since 1970."""
    return time.time_ns() // 1000
