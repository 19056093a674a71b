/** What the network lab needs of a machine. */
import { spawnSync } from "node:child_process"
import { existsSync } from "node:fs"

export interface Missing {
  readonly what: string
  /** Whether setup.sh installs it. What the machine does not permit nobody can install. */
  readonly isInstallable: boolean
}

const runs = (command: string, ...args: ReadonlyArray<string>): boolean =>
  spawnSync(command, args, { stdio: "ignore" }).status === 0

/** Makes a namespace and removes it again. Containers often forbid that even to root. */
const permitsNamespaces = (): boolean => {
  const name = `gn${process.pid}probe`
  const isMade = runs("ip", "netns", "add", name)
  if (isMade) runs("ip", "netns", "del", name)
  return isMade
}

/** Why the lab cannot run here, in words; undefined if it can. */
export const missing = (): Missing | undefined => {
  const cannot = (what: string): Missing => ({ what, isInstallable: false })
  if (process.platform !== "linux") return cannot("network namespaces are a part of Linux, and this is another system")
  if (process.getuid?.() !== 0) return cannot("only root may make network namespaces")
  if (!existsSync("/dev/net/tun")) return cannot("there is no /dev/net/tun")
  for (const [command, flag] of [
    ["gcc", "--version"],
    ["ip", "-V"]
  ] as const)
    if (!runs(command, flag)) return { what: `${command} is not installed, run test/net/setup.sh`, isInstallable: true }
  return permitsNamespaces() ? undefined : cannot("this machine does not permit network namespaces")
}
