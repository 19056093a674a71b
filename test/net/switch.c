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
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "switch/link.h"
#include "switch/packet.h"
#include "switch/waiting.h"

enum { PORTS_MAX = 32, PACKETS_A_TURN = 64, LINE_BYTES_MAX = 4096, PACKET_BYTES_MAX = 66000 };

static int ports;
static int devices[PORTS_MAX];
static struct link links[PORTS_MAX][PORTS_MAX];

static void deliver(struct link *link, int to, const unsigned char *bytes, int size) {
  if (write(devices[to], bytes, size) < 0) {
    link->counts.overflown++;
    return;
  }
  link->counts.passed++;
  link->counts.bytes += size - sizeof(header);
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

static void tell_too_large(int from, const unsigned char *ip, int size, int mtu) {
  unsigned char answer[sizeof(header) + TOO_LARGE_BYTES] = {0};
  int made = make_too_large(answer + sizeof(header), ip, size, mtu);
  if (write(devices[from], answer, sizeof(header) + made) < 0) return;
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
      links[port][to].random = seeded(strtoull(argv[3], NULL, 10), port * PORTS_MAX + to);
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
