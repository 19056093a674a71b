/** All attacks, in the order of the table. */
import type { Attack } from "./Attack.ts"
import { datagrams } from "./attacks/datagrams.ts"
import { flows } from "./attacks/flows.ts"
import { frames } from "./attacks/frames.ts"
import { gossipStreams } from "./attacks/gossipStreams.ts"
import { handshakes } from "./attacks/handshakes.ts"
import { honest } from "./attacks/honest.ts"
import { http2 } from "./attacks/http2.ts"
import { members } from "./attacks/members.ts"
import { names } from "./attacks/names.ts"
import { servers } from "./attacks/servers.ts"

export const attacks: ReadonlyArray<Attack> = [
  ...names,
  ...members,
  ...datagrams,
  ...gossipStreams,
  ...flows,
  ...frames,
  ...http2,
  ...handshakes,
  ...servers,
  ...honest
]
