"""A host in Python: a member of the gossip that serves flows under names of its own, written from docs/protocol.md.

It tells {"port": PORT, "address": ADDRESS} once it is up, and leaves when its standard input ends.
"""

import argparse
import asyncio
import json
import sys

parser = argparse.ArgumentParser()
parser.add_argument("--generated", required=True, help="where the generated code is")
parser.add_argument("--name", default="python")
parser.add_argument("--fabric", default="")
parser.add_argument("--seed", help="address and port of another host")
options = parser.parse_args()
sys.path.insert(0, options.generated)

import flows  # noqa: E402
import memberlist  # noqa: E402
from grinta.v1 import names_pb2 as proto  # noqa: E402

HOST = "127.0.0.1"
MARKER = b"g"


def records(generation):
    """All names of this host, which are never withdrawn."""
    return [
        proto.NameRecord(
            host=options.name,
            generation=generation,
            version=version,
            name=name,
            ownership=proto.OWNERSHIP_UNIQUE,
            contract=flows.CONTRACT,
        )
        for version, name in enumerate(flows.ENDPOINTS, 1)
    ]


def user_state(generation):
    own = records(generation)
    whole = proto.VersionRange(host=options.name, generation=generation, after=0, until=len(own))
    delta = proto.DirectoryDelta(sender=options.name, ranges=[whole])
    return MARKER + proto.NameRecords(records=own, delta=delta).SerializeToString()


async def main():
    _, port = await flows.serve(options.name, HOST)
    generation = memberlist.generation()
    meta = proto.HostMeta(wire_version=1, flow_port=port, generation=generation).SerializeToString()
    state = user_state(generation)
    member = memberlist.Member(options.name, options.fabric, meta, lambda: state, lambda told: None)
    await member.start(HOST)
    address = ":".join(map(str, member.address))
    print(json.dumps({"port": port, "address": address}), flush=True)
    if options.seed is not None:
        host, seed_port = options.seed.rsplit(":", 1)
        staying = asyncio.ensure_future(member.stay(host, int(seed_port)))
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    member.leave()


asyncio.run(main())
