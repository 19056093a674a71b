/** A cluster that has had names for long. */
import * as Directory from "../../../src/protocol/names/Directory.ts"
import * as Names from "../membership/Names.ts"

/** Has each host claim so many names, and everybody know them, without a message. */
export const populate = (names: Names.Names, perHost: number): void => {
  const all = Names.replicas(names)
  for (const { directory, held, host } of all)
    for (let i = 0; i < perHost; i++) {
      const name = `${host.name}.service-${i}`
      Directory.step(directory, { _tag: "Claim", name, ownership: "unique", contract: 1n }, names.network)
      held.add(name)
      names.wanted[host.index]?.set(name, "unique")
    }
  for (const { directory } of all) {
    const { claims, id } = directory.own
    const records = Directory.records(directory).filter(({ host }) => host === id)
    const ranges = [{ host: id, generation: claims.generation, after: 0, until: claims.versionMax }]
    for (const other of all)
      if (other.directory !== directory)
        Directory.step(other.directory, { _tag: "Merge", records, via: "delta", ranges }, names.network)
  }
}
