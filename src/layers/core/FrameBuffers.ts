/** Frame buffers: the one pool of a process, from which frames of all flows are packed. */
import * as Buffers from "../../protocol/flow/Buffers.ts"

/** Frame buffers shared by all flows of this process. */
export const shared: Buffers.Buffers = Buffers.make()
