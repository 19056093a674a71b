/**
 * An authority of certificates, and what it signs: good ones, and each kind of bad one.
 */
import { generateKeyPairSync, X509Certificate } from "node:crypto"
import forge from "node-forge"
import type { Material } from "../../../../../src/layers/transport/http2/tls/Tls.ts"
import { uriOf } from "../../../../../src/protocol/Identity.ts"

export interface Leaf {
  readonly fabric?: string
  /** Alternative names, in place of that of the host. */
  readonly uris?: ReadonlyArray<string>
  readonly dns?: ReadonlyArray<string>
  /** Days from now. */
  readonly from?: number
  readonly until?: number
  /** What it is good for; anything when not said. */
  readonly use?: "serverAuth" | "clientAuth"
  /** The same key as all others that share one: making a key takes most of the time. */
  readonly sharesKey?: true
}

/** Material with its key in the clear. */
export interface Issued extends Material {
  readonly key: string
}

export interface Authority {
  readonly certificate: string
  readonly sign: Sign
  /** A certificate for a host of a fabric, with its key, and the authority itself to believe. */
  readonly issue: (host: string, leaf?: Leaf) => Issued
}

/** SHA-256 of a certificate, as it is revoked. */
export const fingerprintOf = ({ certificate }: Pick<Material, "certificate">): string =>
  new X509Certificate(certificate).fingerprint256

const days = (n: number): Date => new Date(Date.now() + n * 86_400_000)

const newKeys = () => {
  const pair = generateKeyPairSync("rsa", {
    modulusLength: 2048,
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type: "pkcs8", format: "pem" }
  })
  return {
    pem: pair.privateKey,
    publicKey: forge.pki.publicKeyFromPem(pair.publicKey),
    privateKey: forge.pki.privateKeyFromPem(pair.privateKey)
  }
}

type Sign = (
  publicKey: forge.pki.PublicKey,
  to: ReadonlyArray<forge.pki.CertificateField>,
  days: readonly [from: number, until: number],
  extensions: ReadonlyArray<object>
) => string

const url = 6
const dnsName = 2

/** An authority that vouches for itself, or one for which another vouches; good for 20 days, 10 of them gone. */
export const make = (
  name: string,
  parent?: Authority,
  [from, until]: readonly [number, number] = [-10, 10]
): Authority => {
  const keys = newKeys()
  const subject = [{ name: "commonName", value: name }]
  let serial = 0
  let shared: ReturnType<typeof newKeys> | undefined
  const sign: Sign = (publicKey, to, [from, until], extensions) => {
    const certificate = forge.pki.createCertificate()
    certificate.publicKey = publicKey
    serial += 1
    certificate.serialNumber = serial.toString(16).padStart(2, "0")
    certificate.validity.notBefore = days(from)
    certificate.validity.notAfter = days(until)
    certificate.setSubject([...to])
    certificate.setIssuer(subject)
    certificate.setExtensions([...extensions])
    certificate.sign(keys.privateKey, forge.md.sha256.create())
    return forge.pki.certificateToPem(certificate)
  }
  const certificate = (parent?.sign ?? sign)(
    keys.publicKey,
    subject,
    [from, until],
    [
      { name: "basicConstraints", cA: true, critical: true },
      { name: "keyUsage", keyCertSign: true, critical: true }
    ]
  )
  return {
    certificate,
    sign,
    issue: (host, { dns = [], fabric = "", from = -5, until = 5, uris, use, sharesKey } = {}) => {
      if (sharesKey) shared ??= newKeys()
      const leafKeys = (sharesKey ? shared : undefined) ?? newKeys()
      const altNames = [
        ...(uris ?? [uriOf(fabric, host) ?? ""]).map((value) => ({ type: url, value })),
        ...dns.map((value) => ({ type: dnsName, value }))
      ]
      const signed = sign(
        leafKeys.publicKey,
        [{ name: "commonName", value: "a host" }],
        [from, until],
        [
          ...(altNames.length === 0 ? [] : [{ name: "subjectAltName", altNames }]),
          ...(use === undefined ? [] : [{ name: "extKeyUsage", [use]: true }])
        ]
      )
      return { certificate: signed, key: leafKeys.pem, authorities: certificate }
    }
  }
}
