/**
 * What becomes of the tests of the lab where it cannot be: in CI they fail if setup.sh could have installed what is missing;
 * everywhere else they are passed over, and say so.
 */
import { assert, describe, it } from "vitest"
import { missing } from "./Missing.ts"

/** A suite that needs the lab. */
export const describeNet = (name: string, tests: () => void): void => {
  const lack = missing()
  if (lack === undefined) {
    describe(name, tests)
    return
  }
  describe(name, () => {
    it("has its lab", ({ skip }) => {
      if (process.env.CI === "true" && lack.isInstallable) assert.fail(lack.what)
      console.warn(`!! ${name}: NOT TESTED, ${lack.what}`)
      skip(lack.what)
    })
  })
}
