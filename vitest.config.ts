import { availableParallelism } from "node:os"
import { defineConfig } from "vitest/config"

// When this names a file, the results are also written there as JSON.
const report = process.env.TEST_REPORT

const project = (name: string, include: ReadonlyArray<string>, exclude: ReadonlyArray<string> = []) => ({
  extends: true as const,
  test: { name, include: [...include], exclude: [...exclude] }
})

export default defineConfig({
  test: {
    // Most tests wait: a worker for each core, where the default leaves one core out, halves the time on two.
    maxWorkers: availableParallelism(),
    testTimeout: 30_000,
    hookTimeout: 30_000,
    reporters: report === undefined ? ["default"] : ["default", ["json", { outputFile: report }]],
    projects: [
      project("unit", ["test/**/*.test.ts"], ["test/attack/**", "test/interop/**", "test/net/**", "test/package/**"]),
      project("interop", ["test/interop/**/*.test.ts"]),
      project("net", ["test/net/**/*.test.ts"]),
      project("attack", ["test/attack/**/*.test.ts"]),
      project("package", ["test/package/**/*.test.ts"])
    ]
  }
})
