import * as Worlds from "../laws/RpcWorlds.ts"
import { rpcLaws } from "../laws/rpc.ts"
import * as Wires from "../layers/transport/Wires.ts"

rpcLaws(Worlds.inMemory)
rpcLaws(Worlds.socket)
rpcLaws(Worlds.flows("flows over queues", Wires.queues))
rpcLaws(Worlds.flows("flows over a memory network", Wires.memory))
rpcLaws(Worlds.flows("flows over HTTP/2", Wires.plain))
