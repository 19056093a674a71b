/**
 * ReceivedMemory: the memory of received bytes, outside of V8's heap. Two habits of the runtime make it dear; the
 * remedies cost little, and next to nothing where the runtime has another habit. docs/performance.md has the figures.
 *
 * glibc gives freed memory at the end of its heap back to the kernel from 128 KiB on, and gets it again for the next
 * reads, page by page and zeroed. It raises that bound by itself, to twice the size of a block that had a mapping of
 * its own, once such a block is freed (mallopt(3): M_TRIM_THRESHOLD, M_MMAP_THRESHOLD).
 *
 * V8 looks for garbage among its young objects once they fill their part of the heap, up to 32 MiB. Bytes outside do
 * not count there, only for marking all of the heap, after 64 MiB of them (V8: ReportExternalMemoryPressure). Large
 * messages come with few objects, so V8 would mark again and again, for buffers long dead.
 */

/** Size of the block whose release raises the bound, at most 32 MiB. It is never written to, so it takes no memory. */
const mappedBytes = 16 * 1024 * 1024

/** Keeps up to 32 MiB of freed memory with the process from here on. */
export const keepFreed = (): void => {
  new ArrayBuffer(mappedBytes).transfer(0)
}

/** Copies of a received byte: the buffer of the network, and mostly that in which its message was put together. */
const copies = 2

/** Bytes that a message leaves on the heap, about. */
const objectsBytes = 1024

/** Smallest array that is worth an allocation, in bytes. */
const garbageBytesMin = 1024

/** Place of the garbage: V8 would not allocate an array that is never seen. */
export const garbage: { last: ReadonlyArray<unknown> } = { last: [] }

/** Leaves as much garbage on the heap as came outside of it, so that young objects are collected before 64 MiB came. */
export const balance = (receivedBytes: number, messages: number): void => {
  const missingBytes = copies * receivedBytes - messages * objectsBytes
  if (missingBytes >= garbageBytesMin) garbage.last = new Array(missingBytes >> 3)
}
