/** All attacks, in the order of the table. */
import type { Attack } from "./Attack.ts"
import { datagrams } from "./attacks/datagrams.ts"
import { flows } from "./attacks/flows.ts"
import { frames } from "./attacks/frames.ts"
import { gossipStreams } from "./attacks/gossipStreams.ts"
import { names } from "./attacks/names.ts"

export const attacks: ReadonlyArray<Attack> = [...names, ...datagrams, ...gossipStreams, ...flows, ...frames]
