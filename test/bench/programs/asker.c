/*
 * Asks a DNS server at a fixed rate over UDP, and tells how long the replies took.
 *
 *     asker PORT RATE SECONDS FILE     RATE: queries a second; FILE: a name on each line, asked for in turn (type A)
 *
 * Prints JSON, times in milliseconds. A reply's time is the kernel's: when it came to the socket, not when this program got
 * round to reading it. The first second is not counted. Every 100 microseconds what has fallen due is sent.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>

enum { SOCKETS = 8, IDS = 65536, BATCH = 64, ROOM = 512, MOST_NAME = 255, BUFFER = 4 << 20 };

static const uint64_t SECOND = 1000000000, STEP = 100000, WARM_UP = 1000000000;

struct query {
  unsigned char octets[12 + MOST_NAME + 4];
  size_t length;
};

static int sockets[SOCKETS];
/* for each id, when it was sent; 0: nothing is awaited */
static uint64_t sent_at[SOCKETS][IDS];
static uint64_t *took;
static size_t answered, room;
static uint64_t counts_from, counts_to;

static void fail(const char *what) {
  perror(what);
  exit(1);
}

/* The clock of the kernel's own stamps. */
static uint64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_REALTIME, &time);
  return (uint64_t)time.tv_sec * SECOND + (uint64_t)time.tv_nsec;
}

static void encode(struct query *query, const char *name) {
  static const unsigned char header[12] = {0, 0, 1, 0, 0, 1}; /* RD, one question */
  static const unsigned char type_and_class[5] = {0, 0, 1, 0, 1};
  unsigned char *at = query->octets;
  memcpy(at, header, sizeof header);
  at += sizeof header;
  while (*name != '\0') {
    const size_t label = strcspn(name, ".");
    *at++ = (unsigned char)label;
    memcpy(at, name, label);
    at += label;
    name += label + (name[label] == '.');
  }
  memcpy(at, type_and_class, sizeof type_and_class);
  query->length = (size_t)(at - query->octets) + sizeof type_and_class;
}

static struct query *read_queries(const char *path, size_t *count) {
  FILE *file = fopen(path, "r");
  if (file == NULL) fail(path);
  struct query *queries = NULL;
  char line[MOST_NAME + 2];
  for (*count = 0; fgets(line, sizeof line, file) != NULL;) {
    line[strcspn(line, "\n")] = '\0';
    if (line[0] == '\0') continue;
    if (*count % 1024 == 0) queries = realloc(queries, (*count + 1024) * sizeof *queries);
    if (queries == NULL) fail("realloc");
    encode(&queries[(*count)++], line);
  }
  fclose(file);
  return queries;
}

static void receive(int which) {
  static unsigned char octets[BATCH][ROOM];
  static union {
    char room[CMSG_SPACE(sizeof(struct timespec))];
    struct cmsghdr header;
  } control[BATCH];
  struct iovec vectors[BATCH];
  struct mmsghdr messages[BATCH];
  for (;;) {
    for (int i = 0; i < BATCH; i++) {
      vectors[i] = (struct iovec){octets[i], ROOM};
      messages[i].msg_hdr = (struct msghdr){.msg_iov = &vectors[i], .msg_iovlen = 1, .msg_control = &control[i],
                                            .msg_controllen = sizeof control[i]};
    }
    const int received = recvmmsg(sockets[which], messages, BATCH, MSG_DONTWAIT, NULL);
    if (received <= 0) return; /* nothing waits, or nobody listens */
    for (int i = 0; i < received; i++) {
      const struct cmsghdr *stamp = CMSG_FIRSTHDR(&messages[i].msg_hdr);
      if (stamp == NULL || stamp->cmsg_type != SO_TIMESTAMPNS) continue;
      struct timespec time;
      memcpy(&time, CMSG_DATA(stamp), sizeof time);
      uint64_t *sent = &sent_at[which][octets[i][0] << 8 | octets[i][1]];
      const uint64_t at = (uint64_t)time.tv_sec * SECOND + (uint64_t)time.tv_nsec;
      if (*sent >= counts_from && *sent < counts_to && answered < room) took[answered++] = at > *sent ? at - *sent : 0;
      *sent = 0;
    }
  }
}

static int by_size(const void *a, const void *b) {
  const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
  return (x > y) - (x < y);
}

static double quantile(double share) {
  if (answered == 0) return -1;
  size_t at = (size_t)(share * (double)answered);
  return (double)took[at < answered ? at : answered - 1] / 1e6;
}

int main(int count, char **arguments) {
  if (count != 5) {
    fputs("asker PORT RATE SECONDS FILE\n", stderr);
    return 2;
  }
  const uint64_t rate = (uint64_t)atoll(arguments[2]), length = (uint64_t)atoll(arguments[3]) * SECOND;
  size_t names;
  struct query *queries = read_queries(arguments[4], &names);
  if (names == 0) fail("no name");
  room = (size_t)(rate * (length / SECOND) + rate);
  took = malloc(room * sizeof *took);
  if (took == NULL) fail("malloc");

  setpriority(PRIO_PROCESS, 0, -10); /* waiting for a core would be counted as the server's; only root may */
  prctl(PR_SET_TIMERSLACK, 1000UL);    /* nanoseconds; else a pause takes half as long again */
  struct sockaddr_in server = {.sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(arguments[1]))};
  server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int on = 1, buffer = BUFFER;
  for (int i = 0; i < SOCKETS; i++) {
    sockets[i] = socket(AF_INET, SOCK_DGRAM, 0);
    if (sockets[i] < 0) fail("socket");
    if (setsockopt(sockets[i], SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof buffer) < 0)
      setsockopt(sockets[i], SOL_SOCKET, SO_RCVBUF, &buffer, sizeof buffer);
    if (setsockopt(sockets[i], SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on) < 0) fail("SO_TIMESTAMPNS");
    if (connect(sockets[i], (struct sockaddr *)&server, sizeof server) < 0) fail("connect");
  }

  const uint64_t began = now();
  counts_from = began + WARM_UP;
  counts_to = counts_from + length;
  uint64_t total = 0, counted = 0;
  for (uint64_t time; (time = now()) < counts_to + SECOND;) {
    const uint64_t until = time < counts_to ? time : counts_to;
    const uint64_t due = (uint64_t)((double)(until - began) * (double)rate / (double)SECOND);
    for (; total < due; total++) {
      const int which = (int)(total % SOCKETS);
      const unsigned int id = (unsigned int)(total / SOCKETS) % IDS;
      struct query *query = &queries[total % names];
      query->octets[0] = (unsigned char)(id >> 8);
      query->octets[1] = (unsigned char)id;
      const uint64_t at = now();
      if (at >= counts_from && at < counts_to) counted++;
      sent_at[which][id] = at;
      (void)send(sockets[which], query->octets, query->length, 0); /* what is not sent counts as lost */
    }
    for (int i = 0; i < SOCKETS; i++) receive(i);
    const struct timespec pause = {0, (long)STEP};
    nanosleep(&pause, NULL);
  }
  qsort(took, answered, sizeof *took, by_size);
  printf("{\"sent\":%llu,\"p50\":%.4f,\"p99\":%.4f,\"p999\":%.4f,\"max\":%.4f,\"lost\":%llu}\n",
         (unsigned long long)counted, quantile(0.5), quantile(0.99), quantile(0.999), quantile(1),
         (unsigned long long)(counted > answered ? counted - answered : 0));
  return 0;
}
