/** The commands of this repository, run as they are, by what their users may type wrong. */
import { spawnSync } from "node:child_process"
import { assert, describe, it } from "@effect/vitest"

const run = (command: string, ...args: ReadonlyArray<string>) =>
  spawnSync(process.execPath, [command, ...args], { encoding: "utf8", timeout: 25_000 })

describe.each(["attack", "chaos", "fuzz", "mutants", "net", "sim"])("%s", (name) => {
  const command = `scripts/${name}/main.ts`

  it("says how it is used", () => {
    const { status, stderr, stdout } = run(command, "--help")
    assert.deepStrictEqual([status, stderr], [0, ""])
    assert.include(stdout, `npm run ${name}`)
  })

  it("refuses an option that it does not know, in one line", () => {
    const { status, stderr, stdout } = run(command, "--nonsense")
    assert.strictEqual(stdout, "")
    assert.notStrictEqual(status, 0)
    assert.match(stderr, /^[a-z]+: .*--nonsense.*\n$/)
  })

  it("says nothing of a reader that has gone", () => {
    const { status, stderr } = spawnSync(
      "bash",
      ["-c", `"${process.execPath}" ${command} --help | { exec <&-; sleep 1; }; exit $PIPESTATUS`],
      {
        encoding: "utf8",
        timeout: 25_000
      }
    )
    assert.deepStrictEqual([status, stderr], [0, ""])
  })
})
