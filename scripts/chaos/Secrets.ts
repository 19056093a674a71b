/** Keys and certificates of the hosts, in files that hosts read again and again, and their rotation. */
import { randomBytes } from "node:crypto"
import { renameSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { type Authority, make as makeAuthority } from "../../test/layers/transport/http2/tls/Certificates.ts"
import { nameOf } from "../../test/net/Host.ts"
import { sleep } from "../../test/net/Lines.ts"

/** The name of the fabric, which certificates say. */
const fabric = "lab"

/** How often hosts read the files, and how long a step of a rotation is given to reach those that run. */
const intervalMillis = 500
const stepMillis = 2_500

export interface Secrets {
  /** The environment of a host. */
  readonly env: (host: number) => Readonly<Record<string, string>>
  /** Another key: first known everywhere, then used, then alone. */
  readonly rotateKeys: () => Promise<void>
  /** Another authority: first believed everywhere, then all certificates, then alone. */
  readonly rotateCertificates: () => Promise<void>
}

const newKey = (): string => randomBytes(32).toString("base64")

/** `alone`: runs something that writes files while no host starts. */
export const make = async (
  folder: string,
  hosts: number,
  alone: (write: () => Promise<void>) => Promise<void>
): Promise<Secrets> => {
  const put = (name: string, content: string): void => {
    const path = join(folder, name)
    writeFileSync(`${path}.new`, content)
    renameSync(`${path}.new`, path)
  }
  const putKeys = (...keys: ReadonlyArray<string>) => put("keys", keys.map((key) => `${key}\n`).join(""))
  const believe = (...authorities: ReadonlyArray<Authority>) =>
    put("authorities", authorities.map(({ certificate }) => certificate).join(""))
  const certify = async (authority: Authority) => {
    for (let host = 0; host < hosts; host++) {
      const { certificate, key } = authority.issue(nameOf(host), { fabric })
      put(`${nameOf(host)}.key`, key)
      put(`${nameOf(host)}.certificate`, certificate)
      // A key takes a while to be made.
      await sleep(0)
    }
  }
  let [key, authority] = [newKey(), makeAuthority("authority 1")]
  let authorities = 1
  putKeys(key)
  believe(authority)
  await certify(authority)
  return {
    env: (host) => ({
      GRINTA_KEYS_FILE: join(folder, "keys"),
      GRINTA_TLS_CERTIFICATE: join(folder, `${nameOf(host)}.certificate`),
      GRINTA_TLS_KEY: join(folder, `${nameOf(host)}.key`),
      GRINTA_TLS_AUTHORITIES: join(folder, "authorities"),
      GRINTA_FILES_INTERVAL: `${intervalMillis} millis`
    }),
    rotateKeys: async () => {
      const next = newKey()
      putKeys(key, next)
      await sleep(stepMillis)
      putKeys(next, key)
      await sleep(stepMillis)
      putKeys(next)
      key = next
    },
    rotateCertificates: async () => {
      authorities += 1
      const next = makeAuthority(`authority ${authorities}`)
      believe(authority, next)
      await sleep(stepMillis)
      await alone(() => certify(next))
      await sleep(stepMillis)
      believe(next)
      authority = next
    }
  }
}
