/**
 * The memory of received bytes, which is outside of V8's heap. Two habits of the runtime make it dear; what is done about
 * each costs little, and next to nothing where the runtime has another habit. docs/performance.md has the figures.
 *
 * glibc gives freed memory at the end of its heap back to the kernel from 128 KiB on, and gets it again for the next reads,
 * page by page and zeroed. It raises that bound by itself, to twice the size of a block that had a mapping of its own, once
 * such a block is freed (mallopt(3): M_TRIM_THRESHOLD, M_MMAP_THRESHOLD).
 *
 * V8 looks for garbage among its young objects once they fill their part of the heap, which may be 32 MiB. Bytes outside of
 * the heap do not count there, only for marking all of the heap, after 64 MiB of them (V8: ReportExternalMemoryPressure).
 * Large messages come with few objects, so V8 would mark again and again, for buffers that have long been dead.
 */

/** At most 32 MiB have the effect. It is never written to, so it takes no memory. */
const mappedBytes = 16 * 1024 * 1024

/** From here on up to 32 MiB of freed memory stay with the process. */
export const keepFreed = (): void => {
  new ArrayBuffer(mappedBytes).transfer(0)
}

/** A received byte is in the buffer of the network, and maybe once more in that in which its message was put together. */
const copies = 2

/** About what a message leaves on the heap, in bytes. */
const objectsBytes = 1024

/** Less than this is not worth it. */
const garbageBytesMin = 1024

/** Where the garbage is put: without a place that can be seen V8 would not make it. */
export const garbage: { last: ReadonlyArray<unknown> } = { last: [] }

/** Leaves as much garbage on the heap as came outside of it, so that young objects are looked at before 64 MiB came. */
export const balance = (receivedBytes: number, messages: number): void => {
  const missingBytes = copies * receivedBytes - messages * objectsBytes
  if (missingBytes >= garbageBytesMin) garbage.last = new Array(missingBytes >> 3)
}
