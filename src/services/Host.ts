/** Host: a process that takes part in a fabric, as the others see it. */
import { Context } from "effect"

/** Host of a fabric. One id at two generations is two lives of one host. */
export interface Host {
  /** Name of the host, unique in the fabric. */
  readonly id: string
  /** Start of this life of the host, in microseconds since 1970: a restarted host is another life. */
  readonly generation: number
  /** Textual IP address of the host. */
  readonly address: string
  /** Port of its flow plane; 0 when it serves no flows beyond its own process. */
  readonly flowPort: number
  /** Locality, from the widest place to the narrowest, such as "eu/fra/rack-7"; empty when not given. */
  readonly locality: string
  /** Free-form tags. Tags and locality have to fit 512 bytes of metadata; `Gossip.setTags` replaces the tags. */
  readonly tags: Readonly<Record<string, string>>
  /** Revision of the flow frames that the host speaks, as in docs/protocol.md; 0 unless given. */
  readonly revision?: number
}

/** Host of this process at its start, before it has a network address. `Gossip.self` is its current state. */
export class Self extends Context.Service<Self, Pick<Host, "id" | "generation" | "locality" | "tags">>()(
  "grinta/services/Host/Self"
) {}
