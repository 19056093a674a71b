/* What is on its way: a heap, the earliest first. */
#include <stdint.h>
#include <stdlib.h>

/* All that may wait at a time; more is dropped as if a queue had overflown. */
static const uint64_t WAITING_BYTES_MAX = 1ULL << 30;

struct packet {
  double at;
  uint64_t number; /* of two for the same time the first goes first */
  struct link *link;
  int to, size;
  unsigned char *bytes; /* the header, then the packet of IP */
};

static struct packet *waiting;
static int waiting_count, waiting_room;
static uint64_t waiting_bytes, waiting_number;

static int is_before(const struct packet *a, const struct packet *b) {
  return a->at < b->at || (a->at == b->at && a->number < b->number);
}
static void swap(int a, int b) {
  struct packet kept = waiting[a];
  waiting[a] = waiting[b];
  waiting[b] = kept;
}
static void put(struct packet packet) {
  if (waiting_count == waiting_room) {
    waiting_room = waiting_room ? waiting_room * 2 : 1024;
    waiting = realloc(waiting, waiting_room * sizeof *waiting);
    if (!waiting) abort();
  }
  int at = waiting_count++;
  waiting[at] = packet;
  for (; at > 0 && is_before(&waiting[at], &waiting[(at - 1) / 2]); at = (at - 1) / 2) swap(at, (at - 1) / 2);
}
static struct packet take(void) {
  struct packet first = waiting[0];
  waiting[0] = waiting[--waiting_count];
  for (int at = 0, child; (child = 2 * at + 1) < waiting_count; at = child) {
    if (child + 1 < waiting_count && is_before(&waiting[child + 1], &waiting[child])) child++;
    if (!is_before(&waiting[child], &waiting[at])) break;
    swap(at, child);
  }
  return first;
}
