import * as Buffers from "../../protocol/flow/Buffers.ts"

/** Frame buffers of all flows of this process. */
export const shared: Buffers.Buffers = Buffers.make()
