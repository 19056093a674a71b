/**
 * CRC-32 as in zlib and IEEE 802.3, four bytes at a time.
 *
 * Source: memberlist-wire.md, section 5.3.
 */

const polynomial = 0xedb8_8320

/** Four tables of 256 entries: table k gives the effect of a byte with k more bytes behind it. */
const tables = new Int32Array(1024)
for (let byte = 0; byte < 256; byte++) {
  let value = byte
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ polynomial : value >>> 1
  tables[byte] = value
}
for (let i = 256; i < 1024; i++) {
  const previous = tables[i - 256] ?? 0
  tables[i] = (previous >>> 8) ^ (tables[previous & 0xff] ?? 0)
}

const entry = (index: number): number => tables[index] ?? 0

/** Returns the checksum of the bytes from `start` on, an unsigned 32-bit number. */
export const crc32 = (bytes: Uint8Array, start = 0): number => {
  let crc = -1
  let i = start
  for (const quads = bytes.length - 3; i < quads; i += 4) {
    const a = (crc ^ (bytes[i] ?? 0)) & 0xff
    const b = ((crc >>> 8) ^ (bytes[i + 1] ?? 0)) & 0xff
    const c = ((crc >>> 16) ^ (bytes[i + 2] ?? 0)) & 0xff
    const d = (crc >>> 24) ^ (bytes[i + 3] ?? 0)
    crc = entry(768 + a) ^ entry(512 + b) ^ entry(256 + c) ^ entry(d)
  }
  for (; i < bytes.length; i++) crc = (crc >>> 8) ^ entry((crc ^ (bytes[i] ?? 0)) & 0xff)
  return ~crc >>> 0
}
