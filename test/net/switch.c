/*
 * A switch in user space: joins network namespaces by one TUN device in each, and spoils what goes from one to another.
 *
 * Usage: switch PREFIX COUNT SEED. Namespace i is PREFIXi, from 0 on; the switch makes its device tun0, and sends to it
 * whatever is for 10.77.0.(i + 1). It says "ready" once, then answers each line of its input by one line, and ends when
 * its input does:
 *
 *   link FROM TO KEY=VALUE..   changes what is said of these links and leaves the rest; FROM and TO are numbers, or * for all
 *   reset                      all links are as at the start; what is on its way still arrives
 *   stats FROM TO              what became of the packets of these links since the start
 *
 * Keys: loss, dup, reorder (each a share from 0 to 1), reorder_ms (by how much at most), delay, jitter (ms), rate (bits per
 * second, 0 for no limit), queue (bytes that may wait for the rate), mtu (too large is told by ICMP), silent (too large is
 * not told), drop (none, all, udp, tcp, or old: what is of TCP connections whose SYN did not come by since the drop began).
 *
 * Chance has a seed, so that a run can be repeated as far as the kernel's timing allows it.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

enum { PORTS_MAX = 32, PACKETS_A_TURN = 64, LINE_BYTES_MAX = 4096, PACKET_BYTES_MAX = 66000 };
enum { CONNECTIONS = 1 << 16, CONNECTION_PROBES = 64 };
static const double QUEUE_BYTES = 256 * 1024;
/* All that may wait at a time; more is dropped as if a queue had overflown. */
static const uint64_t WAITING_BYTES_MAX = 1ULL << 30;

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

/* How a device tells of a packet: checksums to be made, and a segment that is to be cut into packets. */
typedef struct virtio_net_hdr header;

struct packet {
  double at;
  uint64_t number; /* of two for the same time the first goes first */
  struct link *link;
  int to, size;
  unsigned char *bytes; /* the header, then the packet of IP */
};

static int ports;
static int devices[PORTS_MAX];
static struct link links[PORTS_MAX][PORTS_MAX];

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
static uint64_t seeded(uint64_t seed, int from, int to) {
  uint64_t mixed = (seed * PORTS_MAX * PORTS_MAX + from * PORTS_MAX + to + 1) * 0x9E3779B97F4A7C15ULL;
  mixed = (mixed ^ mixed >> 30) * 0xBF58476D1CE4E5B9ULL;
  return (mixed ^ mixed >> 27) | 1;
}

/* What is on its way: a heap, the earliest first. */
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

/* When the SYN of a connection came by. A slot is free while its key is 0; of too many the oldest knowledge is lost. */
static struct connection {
  uint64_t key;
  double begun;
} connections[CONNECTIONS];

static struct connection *connection(uint64_t key) {
  uint64_t from = (key * 0x9E3779B97F4A7C15ULL) >> 48;
  for (int i = 0; i < CONNECTION_PROBES; i++) {
    struct connection *found = &connections[(from + i) % CONNECTIONS];
    if (found->key == key || found->key == 0) return found;
  }
  return &connections[from];
}
/* The same for both directions; never 0. */
static uint64_t key_of(int from, int to, const unsigned char *tcp) {
  uint64_t a = (uint64_t)from << 16 | tcp[0] << 8 | tcp[1], b = (uint64_t)to << 16 | tcp[2] << 8 | tcp[3];
  return (a < b ? a << 24 | b : b << 24 | a) | 1ULL << 63;
}

static int is_dropped(struct link *link, int from, int to, const unsigned char *ip, int size) {
  int ip_header = (ip[0] & 15) * 4, is_old = 0;
  if (ip[9] == IPPROTO_TCP && size >= ip_header + 20) {
    const unsigned char *tcp = ip + ip_header;
    uint64_t key = key_of(from, to, tcp);
    struct connection *known = connection(key);
    int is_first = (tcp[13] & 0x12) == 0x02; /* SYN without ACK */
    if (is_first) *known = (struct connection){key, now()};
    is_old = known->key != key || known->begun < link->dropped_since;
  }
  switch (link->drop) {
    case DROP_NONE: return 0;
    case DROP_ALL: return 1;
    case DROP_UDP: return ip[9] == IPPROTO_UDP;
    case DROP_TCP: return ip[9] == IPPROTO_TCP;
    case DROP_OLD: return is_old;
  }
  return 0;
}

static uint16_t checksum(const unsigned char *bytes, int size) {
  uint32_t sum = 0;
  for (int i = 0; i + 1 < size; i += 2) sum += bytes[i] << 8 | bytes[i + 1];
  while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
  return htons(~sum);
}

/* Tells the sender of a packet that it was too large: fragmentation needed, with the largest size and the packet's start. */
static void tell_too_large(int from, const unsigned char *ip, int size, int mtu) {
  unsigned char answer[sizeof(header) + 128] = {0}, *out = answer + sizeof(header);
  int quoted = (ip[0] & 15) * 4 + 8;
  if (quoted > size) quoted = size;
  uint16_t total = htons(28 + quoted), largest = htons(mtu), sum;
  out[0] = 0x45, out[8] = 64, out[9] = IPPROTO_ICMP;
  memcpy(out + 2, &total, 2);
  memcpy(out + 12, ip + 16, 4);
  memcpy(out + 16, ip + 12, 4);
  sum = checksum(out, 20);
  memcpy(out + 10, &sum, 2);
  out[20] = 3, out[21] = 4;
  memcpy(out + 26, &largest, 2);
  memcpy(out + 28, ip, quoted);
  sum = checksum(out + 20, 8 + quoted + quoted % 2);
  memcpy(out + 22, &sum, 2);
  if (write(devices[from], answer, sizeof(header) + 28 + quoted) < 0) return;
}

static void deliver(struct link *link, int to, const unsigned char *bytes, int size) {
  if (write(devices[to], bytes, size) < 0) {
    link->counts.overflown++;
    return;
  }
  link->counts.passed++;
  link->counts.bytes += size - sizeof(header);
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

static void send_on(struct link *link, int to, const unsigned char *bytes, int size) {
  double sent = now(), at = arrival(link, sent, size - sizeof(header));
  if (at == 0 || waiting_bytes + size > WAITING_BYTES_MAX) {
    link->counts.overflown++;
    return;
  }
  if (at <= sent) return deliver(link, to, bytes, size);
  struct packet packet = {at, waiting_number++, link, to, size, malloc(size)};
  if (!packet.bytes) abort();
  memcpy(packet.bytes, bytes, size);
  waiting_bytes += size;
  put(packet);
}

/* The largest packet that a segment is cut into. */
static int packet_size(const header *head, int size) {
  return head->gso_type == VIRTIO_NET_HDR_GSO_NONE ? size : head->hdr_len + head->gso_size;
}

static void route(int from, unsigned char *bytes, int total) {
  header head;
  unsigned char *ip = bytes + sizeof head;
  int size = total - (int)sizeof head;
  memcpy(&head, bytes, sizeof head);
  if (size < 20 || ip[0] >> 4 != 4 || ip[16] != 10 || ip[17] != 77 || ip[18] != 0) return;
  int to = ip[19] - 1;
  if (to < 0 || to >= ports || to == from) return;
  struct link *link = &links[from][to];
  int largest = packet_size(&head, size);
  if (is_dropped(link, from, to, ip, size)) link->counts.cut++;
  else if (link->silent > 0 && largest > link->silent) link->counts.too_large++;
  else if (link->mtu > 0 && largest > link->mtu) {
    link->counts.too_large++;
    tell_too_large(from, ip, size, link->mtu);
  } else if (happens(link, link->loss)) link->counts.lost++;
  else {
    if (happens(link, link->dup)) {
      link->counts.duplicated++;
      send_on(link, to, bytes, total);
    }
    send_on(link, to, bytes, total);
  }
}

/* What a link does to single packets it must get one by one; else a device may give 64 KiB at a time, which is much faster. */
static int is_by_packet(const struct link *l) {
  return l->loss > 0 || l->dup > 0 || l->reorder > 0 || l->rate > 0 || l->mtu > 0 || l->silent > 0;
}
static void set_offload(void) {
  for (int from = 0; from < ports; from++) {
    unsigned int offload = TUN_F_CSUM | TUN_F_TSO4;
    for (int to = 0; to < ports; to++)
      if (is_by_packet(&links[from][to])) offload = 0;
    ioctl(devices[from], TUNSETOFFLOAD, offload);
  }
}

static void die(const char *what) {
  perror(what);
  exit(1);
}

static int open_device(const char *prefix, int port) {
  char path[64];
  snprintf(path, sizeof path, "/var/run/netns/%s%d", prefix, port);
  int home = open("/proc/self/ns/net", O_RDONLY), space = open(path, O_RDONLY);
  if (home < 0 || space < 0 || setns(space, CLONE_NEWNET)) die(path);
  int device = open("/dev/net/tun", O_RDWR | O_NONBLOCK);
  struct ifreq request = {.ifr_name = "tun0"};
  request.ifr_flags = IFF_TUN | IFF_NO_PI | IFF_VNET_HDR;
  if (device < 0 || ioctl(device, TUNSETIFF, &request) || setns(home, CLONE_NEWNET)) die("/dev/net/tun");
  close(home);
  close(space);
  return device;
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

/* The ports that a word stands for: from `*first` up to but without `*after`; 0 if it is no port. */
static int range(const char *word, int *first, int *after) {
  char *end;
  if (!word) return 0;
  *first = 0;
  *after = ports;
  if (strcmp(word, "*") == 0) return 1;
  *first = strtol(word, &end, 10);
  *after = *first + 1;
  return !*end && *first >= 0 && *first < ports;
}

static void add(struct counts *sum, const struct counts *one) {
  sum->passed += one->passed, sum->bytes += one->bytes, sum->cut += one->cut, sum->lost += one->lost;
  sum->overflown += one->overflown, sum->too_large += one->too_large, sum->duplicated += one->duplicated;
}

static const char *obey(char *line) {
  static char answer[512];
  const char *order = strtok(line, " ");
  int from, from_end, to, to_end;
  if (order && strcmp(order, "reset") == 0) {
    for (int i = 0; i < ports * ports; i++) clear(&links[i / ports][i % ports]);
    set_offload();
    return "ok";
  }
  if (!order || (strcmp(order, "link") && strcmp(order, "stats"))) return "error: orders are link, reset and stats";
  if (!range(strtok(NULL, " "), &from, &from_end) || !range(strtok(NULL, " "), &to, &to_end))
    return "error: FROM and TO are numbers of ports, or *";
  if (strcmp(order, "stats") == 0) {
    struct counts sum = {0};
    for (int i = from; i < from_end; i++)
      for (int j = to; j < to_end; j++) add(&sum, &links[i][j].counts);
    snprintf(answer, sizeof answer,
             "{\"passed\":%lu,\"bytes\":%lu,\"cut\":%lu,\"lost\":%lu,\"overflown\":%lu,\"tooLarge\":%lu,"
             "\"duplicated\":%lu,\"waiting\":%d}",
             sum.passed, sum.bytes, sum.cut, sum.lost, sum.overflown, sum.too_large, sum.duplicated, waiting_count);
    return answer;
  }
  for (char *key, *value; (key = strtok(NULL, " "));) {
    if (!(value = strchr(key, '='))) return "error: say KEY=VALUE";
    *value++ = 0;
    for (int i = from; i < from_end; i++)
      for (int j = to; j < to_end; j++)
        if (!set(&links[i][j], key, value)) return "error: there is no such key, or it takes another value";
  }
  set_offload();
  return "ok";
}

/* Takes what has come on standard input; 0 at its end. */
static int read_orders(void) {
  static char text[LINE_BYTES_MAX];
  static size_t size;
  ssize_t got = read(STDIN_FILENO, text + size, sizeof text - 1 - size);
  if (got <= 0) return got < 0 && errno == EAGAIN;
  size += got;
  text[size] = 0;
  for (char *end; (end = strchr(text, '\n')); memmove(text, end + 1, size + 1)) {
    *end = 0;
    size -= end + 1 - text;
    puts(obey(text));
  }
  fflush(stdout);
  return size < sizeof text - 1;
}

static void deliver_due(void) {
  double due = now();
  while (waiting_count && waiting[0].at <= due) {
    struct packet packet = take();
    waiting_bytes -= packet.size;
    deliver(packet.link, packet.to, packet.bytes, packet.size);
    free(packet.bytes);
  }
}

int main(int argc, char **argv) {
  static unsigned char bytes[sizeof(header) + PACKET_BYTES_MAX];
  struct pollfd polled[PORTS_MAX + 1];
  ports = argc == 4 ? atoi(argv[2]) : 0;
  if (ports < 1 || ports > PORTS_MAX) {
    fprintf(stderr, "usage: switch PREFIX COUNT SEED, with at most %d namespaces\n", PORTS_MAX);
    return 1;
  }
  prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0);
  for (int port = 0; port < ports; port++) {
    devices[port] = open_device(argv[1], port);
    for (int to = 0; to < ports; to++) {
      links[port][to].random = seeded(strtoull(argv[3], NULL, 10), port, to);
      clear(&links[port][to]);
    }
    polled[port] = (struct pollfd){devices[port], POLLIN, 0};
  }
  polled[ports] = (struct pollfd){STDIN_FILENO, POLLIN, 0};
  set_offload();
  puts("ready");
  fflush(stdout);
  for (;;) {
    double left = waiting_count ? waiting[0].at - now() : 3600;
    if (left < 0) left = 0;
    struct timespec patience = {(time_t)left, (long)((left - (time_t)left) * 1e9)};
    if (ppoll(polled, ports + 1, &patience, NULL) < 0 && errno != EINTR) die("ppoll");
    if (polled[ports].revents && !read_orders()) return 0;
    for (int port = 0; port < ports; port++)
      for (int i = 0; polled[port].revents & POLLIN && i < PACKETS_A_TURN; i++) {
        ssize_t size = read(devices[port], bytes, sizeof bytes);
        if (size <= 0) break;
        route(port, bytes, size);
      }
    deliver_due();
  }
}
