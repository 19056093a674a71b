/* A link: what it is told to do to the packets of one direction, and what it has done. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const double QUEUE_BYTES = 256 * 1024;

enum drop { DROP_NONE, DROP_ALL, DROP_UDP, DROP_TCP, DROP_OLD };
static const char *const drop_names[] = {"none", "all", "udp", "tcp", "old"};

struct counts {
  uint64_t passed, bytes, cut, lost, overflown, too_large, duplicated;
};

struct link {
  double loss, dup, reorder, reorder_ms, delay, jitter, rate, queue, mtu, silent;
  enum drop drop;
  double dropped_since;
  double busy_until; /* when the last packet has left at this rate */
  double last_at;    /* when the last packet in order arrives: the next is not earlier */
  uint64_t random;   /* the state of its chance */
  struct counts counts;
};

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec * 1e-9;
}

/* Chance: xorshift. Each link has its own, so that what it does hangs on its own packets alone. */
static double chance(struct link *link) {
  link->random ^= link->random << 13;
  link->random ^= link->random >> 7;
  link->random ^= link->random << 17;
  return (link->random >> 11) * (1.0 / 9007199254740992.0);
}
static int happens(struct link *link, double share) { return share > 0 && chance(link) < share; }
/* The start of a link's chance: never 0. */
static uint64_t seeded(uint64_t seed, int number) {
  uint64_t mixed = (seed * 1024 + number + 1) * 0x9E3779B97F4A7C15ULL;
  mixed = (mixed ^ mixed >> 30) * 0xBF58476D1CE4E5B9ULL;
  return (mixed ^ mixed >> 27) | 1;
}

static void clear(struct link *link) {
  struct counts counts = link->counts;
  *link = (struct link){.queue = QUEUE_BYTES, .last_at = link->last_at, .random = link->random, .counts = counts};
}

/* Sets what KEY=VALUE says; 0 if it says nothing. */
static int set(struct link *link, char *key, const char *value) {
  const struct { const char *key; double *field; } fields[] = {
      {"loss", &link->loss}, {"dup", &link->dup}, {"reorder", &link->reorder}, {"reorder_ms", &link->reorder_ms},
      {"delay", &link->delay}, {"jitter", &link->jitter}, {"rate", &link->rate}, {"queue", &link->queue},
      {"mtu", &link->mtu}, {"silent", &link->silent}};
  if (strcmp(key, "drop") == 0) {
    for (int drop = DROP_NONE; drop <= DROP_OLD; drop++) {
      if (strcmp(value, drop_names[drop])) continue;
      link->drop = drop;
      link->dropped_since = now();
      return 1;
    }
    return 0;
  }
  char *end;
  double number = strtod(value, &end);
  if (end == value || *end || !(number >= 0 && number < 1e15)) return 0;
  for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
    if (strcmp(key, fields[i].key)) continue;
    *fields[i].field = number;
    return 1;
  }
  return 0;
}

static void add(struct counts *sum, const struct counts *one) {
  sum->passed += one->passed, sum->bytes += one->bytes, sum->cut += one->cut, sum->lost += one->lost;
  sum->overflown += one->overflown, sum->too_large += one->too_large, sum->duplicated += one->duplicated;
}

/* What a link does to single packets it must get one by one; else a device may give 64 KiB at a time, which is much faster. */
static int is_by_packet(const struct link *l) {
  return l->loss > 0 || l->dup > 0 || l->reorder > 0 || l->rate > 0 || l->mtu > 0 || l->silent > 0;
}
/* When a packet arrives that is sent now; 0 if the queue is full. */
static double arrival(struct link *link, double sent, int size) {
  double at = sent;
  if (link->rate > 0) {
    double begins = link->busy_until > sent ? link->busy_until : sent;
    if ((begins - sent) * link->rate / 8 > link->queue) return 0;
    at = link->busy_until = begins + size * 8 / link->rate;
  }
  at += link->delay / 1000;
  if (link->jitter > 0) at += chance(link) * link->jitter / 1000;
  if (happens(link, link->reorder)) return at + chance(link) * link->reorder_ms / 1000;
  if (at < link->last_at) at = link->last_at;
  return link->last_at = at;
}
