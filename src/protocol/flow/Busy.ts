/** Open flows of this host by the host they lead to, flows being opened included. */
export type Busy = Map<string, number>

export const make = (): Busy => new Map()

export const begin = (busy: Busy, host: string): void => {
  busy.set(host, (busy.get(host) ?? 0) + 1)
}

export const end = (busy: Busy, host: string): void => {
  const left = (busy.get(host) ?? 0) - 1
  if (left > 0) busy.set(host, left)
  else busy.delete(host)
}
