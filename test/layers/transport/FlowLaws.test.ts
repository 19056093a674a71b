import type { Effect, Scope } from "effect"
import type { NetworkError } from "../../../src/services/NetworkError.ts"
import { endingLaws } from "../../laws/endings.ts"
import { flowLaws, type Wire } from "../../laws/flow.ts"
import { reachLaws } from "../../laws/reach.ts"
import { startingLaws } from "../../laws/starting.ts"
import { memory, plain, queues, secured } from "./Wires.ts"

const laws = (name: string, makeWire: Effect.Effect<Wire, NetworkError, Scope.Scope>): void => {
  flowLaws(name, makeWire)
  endingLaws(name, makeWire)
  startingLaws(name, makeWire)
}

laws("queues", queues)

laws("Connect over HTTP/2", plain)
reachLaws("HTTP/2", plain)

laws("Connect over HTTP/2 and TLS", secured)
reachLaws("HTTP/2 and TLS", secured)

laws("memory network", memory)
reachLaws("a memory network", memory)
