/** What `connect` does last. */
import type { Opened } from "../../src/layers/fabric/Dialling.ts"
import type { Flow } from "../../src/services/Flow.ts"

/** Has the handler start. */
export const started = <In, Out, E>({ flow, start }: Opened<In, Out, E>): Flow<In, Out, E> => {
  start()
  return flow
}
