/* What is in a packet of IP: whether a link drops it, how large it is, and what tells its sender that it was too large. */
#include <arpa/inet.h>
#include <linux/virtio_net.h>
#include <netinet/in.h>

/* How a device tells of a packet: checksums to be made, and a segment that is to be cut into packets. */
typedef struct virtio_net_hdr header;

enum { CONNECTIONS = 1 << 16, CONNECTION_PROBES = 64, TOO_LARGE_BYTES = 128 };

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

/*
 * Makes what tells the sender of a packet that it was too large: fragmentation needed, with the largest size and the start
 * of the packet. `out` has room for TOO_LARGE_BYTES and is all zero; the size of what was made.
 */
static int make_too_large(unsigned char *out, const unsigned char *ip, int size, int mtu) {
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
  return 28 + quoted;
}

/* The largest packet that a segment is cut into. */
static int packet_size(const header *head, int size) {
  return head->gso_type == VIRTIO_NET_HDR_GSO_NONE ? size : head->hdr_len + head->gso_size;
}
