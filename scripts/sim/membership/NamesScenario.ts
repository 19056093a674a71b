/** Stories to run the names of a cluster through, beside those for membership alone. */
import * as Forger from "./Forger.ts"
import type { Host } from "./Host.ts"
import * as Names from "./Names.ts"
import * as NamesMoves from "./NamesMoves.ts"
import { call, partition } from "./Network.ts"
import { repeat, type Scenario, some } from "./Scenario.ts"

const perHost = 10

const populate = (names: Names.Names): void => {
  for (const host of names.network.hosts)
    for (let i = 0; i < perHost; i++) Names.claim(names, host, `${host.name}.service-${i}`)
}

const anyOf = (names: Names.Names): Host | undefined => some(names.network, 0)[0]

const again = (names: Names.Names, host: Host, afterMillis: number): void => {
  const [seed] = names.network.hosts
  Names.crash(names, host)
  call(names.network, afterMillis, () => seed && Names.restart(names, host, seed))
}

/** Has a process with the id and the names of a host come, and go again after a while. */
export const visit = (names: Names.Names, of: Host, seed: Host, millis: number): void => {
  const held = [...(Names.peerOf(names, of)?.held ?? [])]
  const visitor = NamesMoves.startTwin(names, of.name, seed)
  for (const name of held) Names.claim(names, visitor, name)
  call(names.network, millis, () => visitor.state !== undefined && Names.crash(names, visitor))
}

/** Starts a process of one id through each of these seeds at once; all of them claim the same names. */
export const twins = (names: Names.Names, id: string, seeds: ReadonlyArray<Host>): void => {
  for (const seed of seeds) {
    const twin = NamesMoves.startTwin(names, id, seed)
    for (let i = 0; i < perHost; i++) Names.claim(names, twin, `${id}.service-${i}`)
  }
}

const plan = (): void => {}

export const scenarios: ReadonlyArray<Scenario> = [
  { name: "names", says: "each host has ten names, and nothing happens", plan, names: populate },
  {
    name: "names-churn",
    says: "each host has ten names, and each second one name in a hundred is given up for another",
    plan,
    names: (names) => {
      populate(names)
      const perSecond = (names.network.hosts.length * perHost) / 100
      repeat(names.network, 1000 / perSecond, (turn) => {
        const host = anyOf(names)
        const [old] = (host && Names.peerOf(names, host)?.held) ?? []
        if (host === undefined || old === undefined) return
        Names.release(names, host, old)
        Names.claim(names, host, `${host.name}.turn-${turn}`)
      })
    }
  },
  {
    name: "names-burst",
    says: "a thousand names in one instant, while a third of all datagrams is lost and a tenth of the hosts restarts",
    options: { faults: { loss: 0.3, reordering: 0.1, duplication: 0.02 } },
    plan,
    names: (names, millis) =>
      call(names.network, millis / 10, () => {
        const { hosts } = names.network
        for (let i = 0; i < 1000; i++) {
          const host = hosts[i % hosts.length]
          if (host !== undefined) Names.claim(names, host, `burst-${i}`)
        }
        for (const host of some(names.network, 0.1)) again(names, host, 500)
      })
  },
  {
    name: "names-partition",
    says: "two halves, cut from each other from a fifth to three fifths of the time, claim the same hundred names",
    plan,
    names: (names, millis) => {
      const { hosts } = names.network
      const half = Math.ceil(hosts.length / 2)
      populate(names)
      call(names.network, millis / 5, () => partition(names.network, hosts.slice(0, half), hosts.slice(half)))
      call(names.network, (2 * millis) / 5, () => {
        for (let i = 0; i < 100; i++)
          for (const host of [hosts[i % half], hosts[half + (i % (hosts.length - half))]])
            if (host !== undefined) Names.claim(names, host, `both-${i}`)
      })
      call(names.network, (3 * millis) / 5, () => partition(names.network))
    }
  },
  {
    name: "names-restart",
    says: "each host has ten names, and every 5 s a host crashes and comes back under its id 2 s later",
    plan,
    names: (names) => {
      populate(names)
      repeat(names.network, 5000, () => {
        const host = anyOf(names)
        if (host?.state !== undefined) again(names, host, 2000)
      })
    }
  },
  {
    name: "names-moves",
    says: "each host has ten names, and every 15 s a host crashes and comes back under its id elsewhere within 5 s",
    plan,
    names: (names) => {
      const { network } = names
      const [seed] = network.hosts
      populate(names)
      repeat(network, 15_000, () => {
        const host = anyOf(names)
        if (host?.state === undefined || seed === undefined) return
        Names.crash(names, host)
        call(network, network.random() * 5000, () => NamesMoves.startElsewhere(names, host, seed))
      })
    }
  },
  {
    name: "names-addresses",
    says: "each host has ten names, and every 10 s a host gets another address while it runs",
    plan,
    names: (names) => {
      populate(names)
      repeat(names.network, 10_000, () => {
        const host = anyOf(names)
        if (host?.state !== undefined) NamesMoves.move(names, host)
      })
    }
  },
  {
    name: "names-visitors",
    says: "each host has ten names, and every 5 s a process with the id and the names of a healthy host comes for 2 s",
    plan,
    names: (names) => {
      const { network } = names
      const [seed] = network.hosts
      populate(names)
      repeat(network, 5000, () => {
        const host = anyOf(names)
        if (host?.state !== undefined && seed !== undefined) visit(names, host, seed, 2000)
      })
    }
  },
  {
    name: "names-twins",
    says: "each host has ten names, and every 15 s two processes of one new id start at once through different seeds",
    plan,
    names: (names) => {
      const { network } = names
      const [first, second = first] = network.hosts
      populate(names)
      repeat(network, 15_000, (turn) => {
        if (first === undefined || second === undefined) return
        twins(names, `twin-${turn}`, [first, second])
      })
    }
  },
  {
    name: "names-forged",
    says: "each host has ten names, and ten times a second somebody tells one host what is not so of another",
    plan,
    names: (names, millis) => {
      populate(names)
      repeat(names.network, 100, (turn) => {
        const kind = Forger.kinds[turn % Forger.kinds.length]
        if (kind !== undefined && names.network.now < millis / 2) Forger.lie(names, kind)
      })
    }
  }
]
