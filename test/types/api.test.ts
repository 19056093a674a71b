/** The types of `api.ts` hold, and each of its statements fails when it is turned around. */
import { execFile } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { afterAll, assert, describe, it } from "vitest"

/** Beside the sources, so that their imports resolve; git and the other checks do not look into it. */
const folder = mkdtempSync("test/types/.check-")

afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** What the compiler says of a file of these lines, one finding a line. */
const check = (name: string, text: string): Promise<ReadonlyArray<string>> => {
  const project = join(folder, name)
  writeFileSync(join(folder, `${name}.ts`), text.replaceAll('"../../src/', '"../../../src/'))
  writeFileSync(`${project}.json`, JSON.stringify({ extends: "../../../tsconfig.json", include: [`./${name}.ts`] }))
  return new Promise((resolve) => {
    execFile("node_modules/.bin/tsc", ["-p", `${project}.json`, "--pretty", "false"], (_, stdout) => {
      resolve(stdout.split("\n").filter((line) => line.startsWith(folder)))
    })
  })
}

const text = readFileSync("test/types/api.ts", "utf8")

describe("the types of the public API", () => {
  it("are as stated", async () => {
    assert.deepStrictEqual(await check("right", text), [])
  })

  it("would not pass if they were otherwise", async () => {
    const statements = text.match(/\.toEqualTypeOf<|\.toExtend<|\/\/ @ts-expect-error/g) ?? []
    const reversed = text
      .replaceAll(".toEqualTypeOf<", ".not.toEqualTypeOf<")
      .replaceAll(".toExtend<", ".not.toExtend<")
      .replaceAll("// @ts-expect-error", "// expected:")
    const found = await check("reversed", reversed)
    const lines = new Set(found.map((line) => /\((\d+),/.exec(line)?.[1]))
    assert.isAbove(statements.length, 30)
    assert.strictEqual(lines.size, statements.length, found.join("\n"))
  })
})
