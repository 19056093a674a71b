/**
 * Has a program run on other sources than those of this checkout: whatever it imports from `src` comes from the `src` of
 * another folder. So the same program is a peer of today and one of a release, and nothing of it is copied.
 *
 * Usage: node --import "scripts/sources.ts?FOLDER" PROGRAM, the first as a URL: `flagsFor` makes it.
 */
import { registerHooks } from "node:module"
import { pathToFileURL } from "node:url"

/** Flags of Node for a program that is to run on the sources of a folder; its child processes inherit them. */
export const flagsFor = (folder: string): ReadonlyArray<string> => {
  const hook = new URL(import.meta.url)
  hook.search = encodeURIComponent(folder)
  return ["--import", hook.href]
}

const folder = decodeURIComponent(new URL(import.meta.url).search.slice(1))

if (folder !== "") {
  const ours = new URL("../src/", import.meta.url).href
  const others = pathToFileURL(`${folder}/src/`).href
  registerHooks({
    resolve: (specifier, context, next) => {
      const found = next(specifier, context)
      return found.url.startsWith(ours) ? { ...found, url: others + found.url.slice(ours.length) } : found
    }
  })
}
