/**
 * Settings of the membership protocol, as programs give them: timings, bounds, rules. `Config` has the named sets.
 *
 * Defaults are those of `GossipSwim`: the timings `swift`, the rules `careful`. `lan` is memberlist's default.
 * Source: memberlist-wire.md, sections 17 and 18; security.md, D-9 and D-13.
 */

/**
 * Timings and multipliers. An interval of 0 switches its loop off, but the probe interval must be positive.
 *
 * Errors: `GossipSwim.layer` fails with InvalidConfig for the first field beyond its bounds. Numbers without other
 * bounds are finite and at least 0. Times are in milliseconds.
 */
export interface Settings {
  /**
   * Helpers of an indirect probe, asked at once when a probe has no ack after `probeTimeoutMillis`. From 0 to 64; 3 by
   * default, 1 on one machine. More helpers bridge more broken paths, and cost as many packets for each failed probe.
   */
  readonly indirectChecks: number
  /**
   * Retransmissions of a broadcast: this times ceil(log10(n + 1)) among n members. From 1 to 1000; 4 by default, 2 on
   * one machine. At 4 a rumour misses a given one of 10 to 99 members with a chance of e^-8; larger is for lossy
   * networks.
   */
  readonly retransmitMult: number
  /**
   * Shortest suspicion, in probe intervals: this times log10(n), at least times 1. 2 by default, 4 in memberlist, 6
   * across networks. Larger gives a slow member longer to refute, and shows deaths later. See `suspicionRoundsMin`.
   */
  readonly suspicionMult: number
  /**
   * Least suspicion time-out, in probe intervals, whatever `suspicionMult` gives: a small cluster would otherwise
   * decide within a pause. 4 by default, 0 in memberlist.
   */
  readonly suspicionRoundsMin: number
  /**
   * Longest suspicion, as a multiple of the shortest: a single accuser waits that long. 6 by default; below 1
   * it counts as 1. Only under the rule `confirmations`, where each independent accuser shortens the time-out.
   */
  readonly suspicionMaxTimeoutMult: number
  /**
   * Accusers, beside the first, that shorten a suspicion to its minimum. 2 by default; undefined for `suspicionMult -
   * 2`, as in memberlist. With fewer other members every suspicion has its minimum.
   */
  readonly confirmationsMax: number | undefined
  /**
   * Interval of push/pulls begun by this host, each with one random member. 30,000 by default, 60,000 across networks,
   * 0 for none. Above 32 members it grows by once this for each doubling. Shorter repairs missed rumours sooner, at the
   * cost of the whole state each time.
   */
  readonly pushPullIntervalMillis: number
  /**
   * Interval of probes, each of one member. 1,000 by default, 5,000 across networks; above 0. Suspicions are counted in
   * it: a death is declared `suspicionRoundsMin` of them after the first failed probe at the soonest.
   */
  readonly probeIntervalMillis: number
  /**
   * Time for the ack of a direct probe, before helpers are asked. 500 by default, 3,000 across networks, 200 on one
   * machine. Above 0 and below `probeIntervalMillis`, which leaves the rest to the helpers; above the longest honest
   * round trip.
   */
  readonly probeTimeoutMillis: number
  /**
   * Hosts, on average, that probe a suspect themselves, out of turn, when they hear of a suspicion. From 0 for none to
   * 64; 4 by default, 0 in memberlist. Their accusations are what shortens a suspicion.
   */
  readonly secondOpinions: number
  /**
   * Time after which a helper without an answer sends a nack, as a share of its probe time-out. Above 0, at most 1; 0.8
   * by default, 1 in memberlist. Below 1 a nack still reaches the prober in time.
   */
  readonly nackShare: number
  /**
   * Bound of the health score, which lies in [0, this - 1]; a host probes at `probeIntervalMillis` times 1 + score.
   * From 1, for a score that stays 0, to 1000; 8 by default. Only under the rule `awareness`.
   */
  readonly awarenessMaxMultiplier: number
  /** Interval of gossip rounds. 200 by default, 500 across networks, 100 on one machine; 0 leaves only piggyback. */
  readonly gossipIntervalMillis: number
  /** Members addressed per gossip round. From 1 to 64; 3 by default, 4 across networks. */
  readonly fanOut: number
  /**
   * Time after its death in which a member still gets gossip, so that it can refute; then it is forgotten. 30,000 by
   * default, 60,000 across networks, 15,000 on one machine. Longer than the longest pause of a process.
   */
  readonly gossipToTheDeadMillis: number
  /**
   * Time after its death from which a member's name may come back at another address; 0 for never, as in memberlist.
   * 1,000 by default. A member that has left may come back at once.
   */
  readonly deadReclaimMillis: number
  /**
   * Repeats a probe without an ack over TCP, beside the helpers; true by default. Tells a lost datagram from a death.
   */
  readonly tcpPings: boolean
  /**
   * Soft budget of one datagram, in bytes, label and encryption included. From 512 to 65,507; 1,400 by default, which
   * fits an Ethernet frame. Larger saves packets where the path carries them whole.
   */
  readonly packetBytesMax: number
}

/**
 * Bounds of memory, rates and accepted values. Beyond a bound input is dropped and counted in `Gossip.counters`; see
 * docs/limits.md. Errors: InvalidConfig for what is no whole number from 0.
 */
export interface Limits {
  /** Members kept, this host included; 16,384 by default, about 1 KiB each. Beyond it a name is not learned. */
  readonly membersMax: number
  /** Longest name of a member, in bytes; 255 by default. Names of hosts have at most 128. */
  readonly nameBytesMax: number
  /** Largest metadata of a member, in bytes; 512 by default, memberlist's limit. */
  readonly metaBytesMax: number
  /**
   * Largest step of a member's incarnation above the known one; messages beyond it have no effect. 65,536 by default.
   */
  readonly incarnationJumpMax: number
  /**
   * Largest incarnation of an unknown name, and of this host in the first join after a restart; 2^31 by default. A host
   * that would have to go above it starts over.
   */
  readonly incarnationFirstMax: number
  /** Names removed by the reaper whose last incarnation is still remembered, against replays; 4,096 by default. */
  readonly forgottenMax: number
  /** Time for which they are remembered, in milliseconds; 24 hours by default. */
  readonly forgottenMillis: number
  /** Messages of other planes queued for gossip; 4,096 by default. Beyond it those sent most often go first. */
  readonly userBroadcastsMax: number
  /** Indirect probes carried for others at the same time; 1,024 by default. */
  readonly relaysMax: number
  /** Indirect probes a second carried per source address, which all hosts behind it share; 128 by default. */
  readonly relaysPerSecondPerSource: number
  /**
   * Unknown names a second taken from datagrams of a source address, which all hosts behind it share; 512 by default. A
   * name that does not answer counts for eight.
   */
  readonly learnedPerSecondPerSource: number
  /**
   * Strangers kept: names that have yet to answer, at most half of them by one teller; 16,384 by default, 1 KiB each.
   */
  readonly strangersMax: number
  /** Burst of pings to strangers; 2,048 by default. */
  readonly strangersAskedAtOnce: number
  /** Rate of pings to strangers, a second; 1,024 by default. Bounds the traffic that forged names can cause. */
  readonly strangersAskedPerSecond: number
  /** Burst of TCP pings to silent strangers; 256 by default. */
  readonly strangersDialledAtOnce: number
  /** Rate of TCP pings to silent strangers, a second; 64 by default: a connection costs as much as 30 datagrams. */
  readonly strangersDialledPerSecond: number
  /** Members at one address, on all of its ports; 4,096 by default. */
  readonly membersPerAddressMax: number
}

/**
 * Rules in force. By default those of the set `careful`: memberlist's `awareness`, `confirmations`, `buddy` and
 * `mergedDeathIsSuspicion`, and the nine from `deathNeedsSuspicion` on. The others are for comparison with papers.
 * None changes the wire. docs/membership.md describes the sets, and measures them.
 */
export interface Rules {
  /** A health score lengthens the probe interval of a host that doubts itself; helpers without an answer send nacks. */
  readonly awareness: boolean
  /** The health score lengthens the probe time-out too. Off by default; on in the Lifeguard paper. */
  readonly scaledTimeout: boolean
  /** A failed probe counts against the health of the prober even when all helpers answered. Off by default. */
  readonly failureCounts: boolean
  /** A suspicion starts long and is shortened by independent accusers. */
  readonly confirmations: boolean
  /** A probe of a suspect tells it of the suspicion. */
  readonly buddy: boolean
  /** Suspicion and retransmission scale by `ceil(ln(n + 1))` instead of the decimal logarithm. Off by default. */
  readonly naturalLog: boolean
  /** A death learnt by push/pull is only a suspicion, so that the member can refute. */
  readonly mergedDeathIsSuspicion: boolean
  /** A gossiped death becomes a short suspicion if the member had no time to refute. */
  readonly deathNeedsSuspicion: boolean
  /** A host without any incoming datagrams doubts its own link: it accuses nobody, and suspicions do not expire. */
  readonly hearing: boolean
  /** A host perhaps on the smaller side of a cut probes all members at once, and stays in touch with live ones. */
  readonly cuts: boolean
  /** Time that the process slept through (a timer that came late) does not count against other members. */
  readonly lateness: boolean
  /** A suspect is asked once more, directly, before its time-out; a host answers its accuser directly too. */
  readonly lastWord: boolean
  /** A death is gossiped at once instead of in the next round. */
  readonly urgentDeaths: boolean
  /** While a member is suspected, each answered probe is followed at once by a second one. */
  readonly doubleProbes: boolean
  /** A host whose name appears elsewhere tells its own address until it is known, and asks the process there. */
  readonly twins: boolean
  /** An unknown name becomes a member only after it acknowledges a ping. */
  readonly proof: boolean
}
