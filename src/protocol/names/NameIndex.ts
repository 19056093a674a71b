/**
 * Values by name, in the order of names: a prefix is found in time proportional to its number of names.
 *
 * Shape: blocks of at most {@link blockMax} names. A look-up is a binary search over the blocks, then within one; a
 * change moves the names of one block, and now and then the list of blocks. Two neighbours hold more than half a block
 * together, so that an index that has shrunk is as short as if it had never been longer.
 */

export interface Block<A> {
  /** Names, sorted. */
  readonly names: Array<string>
  /** Values, at the places of their names. */
  readonly values: Array<A>
}

export interface NameIndex<A> {
  /** Blocks, sorted; none is empty. */
  readonly blocks: Array<Block<A>>
}

export const blockMax = 256

export const make = <A>(): NameIndex<A> => ({ blocks: [] })

/** Returns the first index in an ordered list for which `isBefore` is false. */
const search = <A>(list: ReadonlyArray<A>, isBefore: (item: A) => boolean): number => {
  let low = 0
  let high = list.length
  while (low < high) {
    const middle = (low + high) >> 1
    const item = list[middle]
    if (item !== undefined && isBefore(item)) low = middle + 1
    else high = middle
  }
  return low
}

/** Returns the block of a name: the last one that does not begin after it, or else the first. */
const blockOf = <A>({ blocks }: NameIndex<A>, name: string): number =>
  Math.max(0, search(blocks, ({ names: [first = ""] }) => first <= name) - 1)

const placeOf = (names: ReadonlyArray<string>, name: string): number => search(names, (other) => other < name)

/** Puts a value, in place of the one of the same name, if any. */
export const put = <A>(index: NameIndex<A>, name: string, value: A): void => {
  const { blocks } = index
  const at = blockOf(index, name)
  const block = blocks[at]
  if (block === undefined) {
    blocks.push({ names: [name], values: [value] })
    return
  }
  const { names, values } = block
  const place = placeOf(names, name)
  const isThere = names[place] === name
  values.splice(place, isThere ? 1 : 0, value)
  if (isThere) return
  names.splice(place, 0, name)
  if (names.length <= blockMax) return
  // Names inserted in order leave full blocks behind.
  const half = at === blocks.length - 1 && place === blockMax ? blockMax : blockMax >> 1
  blocks.splice(at + 1, 0, { names: names.splice(half), values: values.splice(half) })
}

/** Joins a block with the next one when both hold little. Returns whether it did. */
const join = <A>({ blocks }: NameIndex<A>, at: number): boolean => {
  const [block, next] = [blocks[at], blocks[at + 1]]
  if (block === undefined || next === undefined) return false
  if (block.names.length + next.names.length > blockMax >> 1) return false
  block.names.push(...next.names)
  block.values.push(...next.values)
  blocks.splice(at + 1, 1)
  return true
}

/** Removes a name, if it is there. */
export const remove = <A>(index: NameIndex<A>, name: string): void => {
  const { blocks } = index
  const at = blockOf(index, name)
  const block = blocks[at]
  if (block === undefined) return
  const { names, values } = block
  const place = placeOf(names, name)
  if (names[place] !== name) return
  names.splice(place, 1)
  values.splice(place, 1)
  if (!join(index, at) && !join(index, at - 1) && names.length === 0) blocks.splice(at, 1)
}

/** Returns the values of the names that start with `prefix`, in the order of names. */
export const withPrefix = <A>(index: NameIndex<A>, prefix: string): ReadonlyArray<A> => {
  const found: Array<ReadonlyArray<A>> = []
  for (let at = blockOf(index, prefix); at < index.blocks.length; at++) {
    const { names, values } = index.blocks[at] ?? { names: [], values: [] }
    const end = search(names, (name) => name < prefix || name.startsWith(prefix))
    found.push(values.slice(placeOf(names, prefix), end))
    if (end < names.length) break
  }
  return found.flat(1)
}
