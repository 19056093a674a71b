/** The simulator's source of chance, for tests that need no simulator. */
export { hashText, make } from "../../src/testing/Random.ts"
