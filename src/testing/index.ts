/** grinta/testing: whole hosts on a simulated network, in virtual time. */
export * as Simulation from "./Simulation.ts"
