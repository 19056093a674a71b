/**
 * grinta/testing: membership and names by the hundreds in virtual time.
 *
 * A `Network` of real membership machines with faults that a seed decides: the same seed gives the same run. `Names` puts
 * real name directories on it. For whole
 * hosts in a test, with flows and names, use `Grinta.layerMemory` and `MemoryNetwork` of the main entry instead.
 */
export * as Anomaly from "./Anomaly.ts"
export * as Cluster from "./Cluster.ts"
export * as Forger from "./Forger.ts"
export * as Names from "./Names.ts"
export * as NamesMoves from "./NamesMoves.ts"
export * as NamesScenario from "./NamesScenario.ts"
export * as Network from "./Network.ts"
export * as Options from "./Options.ts"
export * as Oracle from "./Oracle.ts"
export * as Plot from "./Plot.ts"
export * as Profiles from "./Profiles.ts"
export * as Run from "./Run.ts"
export * as Scenario from "./Scenario.ts"
export * as Timeline from "./Timeline.ts"
