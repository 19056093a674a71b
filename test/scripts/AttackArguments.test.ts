/** The command line of the attacks: what is asked for, or one line on what to do instead; and the table of all of them. */
import { spawnSync } from "node:child_process"
import { assert, describe, it } from "vitest"
import { isAsked, parse } from "../../scripts/attack/Arguments.ts"
import { attacks } from "../../scripts/attack/attacks.ts"

const names = ["ping-flood", "honest-nat", "honest-churn"]

describe("arguments of the attacks", () => {
  it("has a default for all", () => {
    const asked = parse([], names)
    assert.deepStrictEqual(asked, {
      ...{ only: [], isJson: false, isSealed: false, isList: false, isPage: false },
      ...{ seconds: undefined, of: undefined, keep: undefined }
    })
  })

  it("takes what it is told", () => {
    const argv = [
      "--only",
      "ping-flood",
      "--only",
      "honest-*",
      "--tls",
      "--json",
      "--seconds",
      "2.5",
      "--keep",
      "a.json",
      "--of",
      "v1"
    ]
    assert.deepInclude(parse(argv, names), {
      ...{ only: ["ping-flood", "honest-*"], isSealed: true, isJson: true, seconds: 2.5, keep: "a.json", of: "v1" }
    })
  })

  it("helps", () => {
    assert.strictEqual(parse(["--help"], names), "help")
  })

  it("picks by a name, or by the beginning of one", () => {
    assert.isTrue(isAsked({ only: [] }, "ping-flood"))
    assert.isTrue(isAsked({ only: ["honest-*"] }, "honest-nat"))
    assert.isFalse(isAsked({ only: ["honest-*"] }, "ping-flood"))
    assert.isFalse(isAsked({ only: ["ping"] }, "ping-flood"))
  })

  it.each([
    [["ping-flood"], /say --only ping-flood/],
    [["--only", "ping"], /no attack "ping"; --list has the names/],
    [["--only", "x*"], /no attack "x\*"/],
    [["--seconds", "0"], /--seconds takes a number from 1 to 600, not "0"/],
    [["--seconds", ""], /--seconds/],
    [["--seconds", "soon"], /--seconds/],
    [["--page", "--json"], /--page makes the table of what is measured now/],
    [["--page", "--of", "v1"], /--page/],
    [["--keep", ""], /--keep takes the name of a file/],
    [["--loud"], /--loud/]
  ])("refuses %j in one line", (argv, says) => {
    const refusal = parse(argv, names)
    const wrong = typeof refusal === "object" && "wrong" in refusal ? refusal.wrong : ""
    assert.match(wrong, says)
    assert.notInclude(wrong, "\n")
  })

  it("ends with exit code 2 when it is told what it cannot do", () => {
    const { status, stderr, stdout } = spawnSync(process.execPath, ["scripts/attack/main.ts", "--only", "nothing"], {
      encoding: "utf8"
    })
    assert.strictEqual(status, 2)
    assert.strictEqual(stdout, "")
    assert.match(stderr, /^attack: there is no attack "nothing"; --list has the names \(--help says more\)\n$/)
  })
})

describe("the table of attacks", () => {
  it("has each name once, in words with hyphens", () => {
    const all = attacks.map(({ name }) => name)
    assert.strictEqual(new Set(all).size, all.length)
    for (const name of all) assert.match(name, /^[a-z0-9]+(-[a-z0-9]+)*$/)
  })

  it("says of each what it is, in what fits into a cell", () => {
    for (const { name, says } of attacks) assert.match(says, /^[^|\n]{10,120}$/, name)
  })

  it("has what each kind of attacker can do, and honest loads", () => {
    for (const by of ["O", "M", "C", "honest"])
      assert.isAbove(attacks.filter((attack) => attack.by === by).length, 5, by)
  })
})
