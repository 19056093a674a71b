/**
 * Addresses of the gossip plane: raw network-order bytes and a port.
 *
 * Bytes are compared as bytes. A 16-byte IPv4-mapped address is dialled as IPv4 but stays 16 bytes in gossip
 * (memberlist-wire.md, section 1).
 */
/** Address of a gossip port. */
export interface Address {
  /** 4 bytes (IPv4) or 16 bytes (IPv6, or IPv4-mapped). */
  readonly bytes: Uint8Array
  /** Port number, from 0 to 65,535. */
  readonly port: number
}

export const equalBytes = (a: Uint8Array, b: Uint8Array): boolean => {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}

export const equal = (a: Address, b: Address): boolean => a.port === b.port && equalBytes(a.bytes, b.bytes)

const isMappedIpv4 = (bytes: Uint8Array): boolean =>
  bytes.length === 16 && bytes[10] === 0xff && bytes[11] === 0xff && bytes.subarray(0, 10).every((byte) => byte === 0)

/** Returns the textual IP address to dial: an IPv4-mapped address as IPv4, "" for any other length than 4 or 16. */
export const host = (bytes: Uint8Array): string => {
  if (bytes.length === 4) return bytes.join(".")
  if (isMappedIpv4(bytes)) return bytes.subarray(12).join(".")
  if (bytes.length !== 16) return ""
  const groups: Array<string> = []
  for (let i = 0; i < 16; i += 2) groups.push((((bytes[i] ?? 0) << 8) | (bytes[i + 1] ?? 0)).toString(16))
  return groups.join(":")
}

/** Formats an address as `host:port`, with brackets around IPv6. */
export const format = (address: Address): string => {
  const text = host(address.bytes)
  return text.includes(":") ? `[${text}]:${address.port}` : `${text}:${address.port}`
}

const parseIpv4 = (text: string): Uint8Array | undefined => {
  const parts = text.split(".")
  if (parts.length !== 4 || !parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) <= 255))
    return undefined
  return Uint8Array.from(parts, Number)
}

const parseIpv6 = (text: string): Uint8Array | undefined => {
  const halves = text.split("::")
  if (halves.length > 2) return undefined
  const words = (half: string | undefined): ReadonlyArray<string> =>
    half === undefined || half === "" ? [] : half.split(":")
  const expand = (list: ReadonlyArray<string>): ReadonlyArray<string> | undefined => {
    const last = list.at(-1)
    if (last === undefined || !last.includes(".")) return list
    const ipv4 = parseIpv4(last)
    if (ipv4 === undefined) return undefined
    const [a = 0, b = 0, c = 0, d = 0] = ipv4
    return [...list.slice(0, -1), ((a << 8) | b).toString(16), ((c << 8) | d).toString(16)]
  }
  const head = halves.length === 1 ? expand(words(halves[0])) : words(halves[0])
  const tail = halves.length === 1 ? [] : expand(words(halves[1]))
  if (head === undefined || tail === undefined) return undefined
  const missing = 8 - head.length - tail.length
  if (halves.length === 1 ? missing !== 0 : missing < 1) return undefined
  const all = [...head, ...Array.from({ length: missing }, () => "0"), ...tail]
  if (!all.every((word) => /^[0-9a-fA-F]{1,4}$/.test(word))) return undefined
  return Uint8Array.from(all.flatMap((word) => [Number.parseInt(word, 16) >> 8, Number.parseInt(word, 16) & 0xff]))
}

/** Returns the bytes of an IP literal; undefined for anything else, names included. */
export const parseHost = (text: string): Uint8Array | undefined =>
  text.includes(":") ? parseIpv6(text) : parseIpv4(text)

/** True for 127.0.0.0/8 and ::1, also in their IPv4-mapped form. */
export const isLoopback = (bytes: Uint8Array): boolean =>
  bytes.length === 4
    ? bytes[0] === 127
    : isMappedIpv4(bytes)
      ? bytes[12] === 127
      : bytes.length === 16 && bytes[15] === 1 && bytes.subarray(0, 15).every((byte) => byte === 0)

/** True for 0.0.0.0 and ::. */
export const isUnspecified = (bytes: Uint8Array): boolean => bytes.every((byte) => byte === 0)

/** Prefix of one IPv6 network, a /64, in bytes. Anybody in a network has as many addresses as they like. */
const networkBytes = 8

/** Returns the key of an address in rate limits for strangers: an IPv4 host or an IPv6 /64, never the port. */
export const source = (bytes: Uint8Array): string => {
  const text = host(bytes)
  if (!text.includes(":")) return text
  const network = new Uint8Array(bytes.length)
  network.set(bytes.subarray(0, networkBytes))
  return `${host(network)}/64`
}
