/**
 * The demo, as a user runs it: a process with arguments, what it prints, and what it leaves behind.
 */
import { type ChildProcess, spawn } from "node:child_process"
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, assert, describe, it } from "@effect/vitest"

const folder = mkdtempSync(join(tmpdir(), "grinta-demo-"))

afterAll(() => rmSync(folder, { recursive: true, force: true }))

const fixture = (name: string, text: string): string => {
  const path = join(folder, name)
  writeFileSync(path, text)
  return path
}

interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

const start = (...args: ReadonlyArray<string>) => {
  const child = spawn(process.execPath, ["examples/demo/main.ts", ...args], {
    env: { ...process.env, FORCE_COLOR: undefined },
    stdio: ["ignore", "pipe", "pipe"]
  })
  let stdout = ""
  let stderr = ""
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text
  })
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text
  })
  const ended = new Promise<Ended>((resolve) => {
    child.once("close", (code) => resolve({ code, stdout, stderr }))
  })
  return { child, ended, report: () => stdout + stderr }
}

const run = (...args: ReadonlyArray<string>): Promise<Ended> => start(...args).ended

const pidsIn = (report: string): ReadonlyArray<number> =>
  [...report.matchAll(/ pid (\d+),/g)].map(([, pid]) => Number(pid))

/** A process that has ended may wait for its parent to look at it. */
const isRunning = (pid: number): boolean => {
  const status = `/proc/${pid}/status`
  if (existsSync("/proc/self/status"))
    return existsSync(status) && !/^State:\s+[ZX]/m.test(readFileSync(status, "utf8"))
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

const until = async (what: string, isSo: () => boolean): Promise<void> => {
  const deadline = performance.now() + 60_000
  while (!isSo()) {
    if (performance.now() > deadline) throw new Error(`not within 60 seconds: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

const allGone = (pids: ReadonlyArray<number>) => until(`${pids.join()} end`, () => !pids.some(isRunning))

/** The words of a text, found character by character. */
const wordsOf = (text: string): ReadonlyArray<string> => {
  const words: Array<string> = []
  let word = ""
  for (const character of `${text} `) {
    if (/^[\p{L}\p{N}]$/u.test(character)) word += character
    else if (word !== "") {
      words.push(word.toLowerCase())
      word = ""
    }
  }
  return words
}

const topOf = (words: ReadonlyArray<string>): ReadonlyArray<string> => {
  const times = new Map<string, number>()
  for (const word of words) times.set(word, (times.get(word) ?? 0) + 1)
  return [...times]
    .sort(([a, timesA], [b, timesB]) => timesB - timesA || (a < b ? -1 : 1))
    .slice(0, 10)
    .map(([word, count]) => `${count} ${count === 1 ? "time" : "times"} ${word}`)
}

const outcome = (words: number) => ({
  hosts: 3,
  words,
  sameResultLocal: true,
  errorTag: "FlowError",
  errorReason: "PeerLost",
  recovered: true
})

/** Reads the one line of --json, and checks what is the same in every run. */
const check = ({ code, stderr, stdout }: Ended, words: number) => {
  assert.strictEqual(code, 0, stderr)
  assert.match(stdout, /^\{[^\n]*\}\n$/)
  const { convergedMs, killToErrorMs, ...rest } = JSON.parse(stdout)
  assert.deepStrictEqual(rest, outcome(words))
  assert.isAbove(convergedMs, 0)
  assert.isAbove(killToErrorMs, 0)
  assert.isBelow(killToErrorMs, 5_000)
}

const line = "The quick fox, the LAZY dog; ÄRGER ärger, Δοκιμή 42 и ещё: слово-слово naïve x² don't 語 語言\r\n"

/** With a line longer than the demo sends in one piece, and no line feed at the end. */
const text = `${line.repeat(120)}\n\n${"long Line 7, ".repeat(20_000)}\nThe end`

describe("the demo", { timeout: 180_000 }, () => {
  it("counts the words of a text, alike with and without a network, and after the death of an owner", async () => {
    const ended = await run(fixture("text.txt", text), "--json")
    const words = wordsOf(text)
    check(ended, words.length)
    const shown = [...ended.stderr.matchAll(/^ +([\d,]+) (times?) +(\S+) +#+$/gm)]
    assert.deepStrictEqual(
      shown.map(([, times = "", unit, word]) => `${times.replaceAll(",", "")} ${unit} ${word}`),
      [...topOf(words)]
    )
    const owners = [...ended.stderr.matchAll(/(\S+) counted /g)].map(([, owner]) => owner)
    const killed = /SIGKILL to (\S+)/.exec(ended.stderr)?.[1]
    assert.deepStrictEqual(owners, [killed, "local", killed === "owner-1" ? "owner-2" : "owner-1"])
    assert.include(ended.stderr, "FlowError/PeerLost delivered: maybe")
    const pids = pidsIn(ended.stderr)
    assert.strictEqual(new Set(pids).size, 3)
    assert.isEmpty(pids.filter(isRunning))
  })

  it("takes its own texts where none is given, and prints no colours into a pipe", async () => {
    const { code, stderr, stdout } = await run()
    assert.strictEqual(code, 0, stderr)
    assert.include(stdout, "LICENSE")
    assert.notInclude(stdout, "\u001b")
    assert.deepStrictEqual(
      [...stdout.matchAll(/^(\d) .* \d+(\.\d)? ms$/gm)].map(([, step]) => step),
      ["1", "2", "3", "4", "5"]
    )
    assert.lengthOf([...stdout.matchAll(/the result is the same/g)], 2)
  })

  it("counts nothing in an empty text", async () => {
    check(await run(fixture("empty.txt", ""), "--json"), 0)
  })

  it("counts a text of one word without an end of line", async () => {
    check(await run("--json", fixture("word.txt", "word")), 1)
  })

  it("counts a long text without holding it", async () => {
    const repeated = 20_000
    const path = fixture("long.txt", line.repeat(repeated))
    check(await run(path, "--json"), wordsOf(line).length * repeated)
  })
})

describe("what the demo cannot do is one line on stderr", { timeout: 120_000 }, () => {
  const cases: ReadonlyArray<readonly [what: string, args: ReadonlyArray<string>, says: RegExp]> = [
    ["a file that is not there", [join(folder, "none.txt")], /none\.txt" does not exist/],
    ["a directory", [folder, "--json"], /is a directory/],
    ["something that is no file", ["/dev/null"], /is no regular file/],
    ["an unknown option", ["--fast"], /unknown option "--fast"/],
    ["two files", ["a", "b"], /one FILE at a time/]
  ]
  it.each(cases)("%s", async (_, args, says) => {
    const { code, stderr, stdout } = await run(...args)
    assert.strictEqual(code, 1)
    assert.strictEqual(stdout, "")
    assert.match(stderr, /^demo: [^\n]+; usage: [^\n]+\n$/)
    assert.match(stderr, says)
  })
})

describe("no process is left behind", { timeout: 180_000 }, () => {
  /** Waits until all three processes run and words are being counted. */
  const startLong = async () => {
    const started = start(fixture("longer.txt", line.repeat(200_000)), "--json")
    await until("three processes are reported", () => pidsIn(started.report()).length === 3)
    return { ...started, pids: pidsIn(started.report()) }
  }
  const stopped = (child: ChildProcess) => new Promise<void>((resolve) => child.once("exit", () => resolve()))

  it("after Ctrl-C", async () => {
    const { child, ended, pids } = await startLong()
    child.kill("SIGINT")
    const { code, stderr, stdout } = await ended
    assert.strictEqual(code, 130, stderr)
    assert.strictEqual(stdout, "")
    assert.isEmpty(pids.filter(isRunning))
  })

  it("after a crash of the demo itself", async () => {
    const { child, pids } = await startLong()
    const exited = stopped(child)
    child.kill("SIGKILL")
    await exited
    await allGone(pids)
  })

  it("after it was stopped while the others were starting", async () => {
    const started = start("--json")
    await new Promise((resolve) => setTimeout(resolve, 1_000))
    started.child.kill("SIGKILL")
    // All three write to the same pipe, which closes with the last of them.
    await started.ended
  })
})
