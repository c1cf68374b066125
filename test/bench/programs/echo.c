/*
 * The limit of the socket interface: turns DNS queries into replies without reading them, in batches.
 *
 *     echo PORT CUT RCODE ANSWERS AUTHORITIES ADDITIONALS TAIL
 *
 * CUT: octets that are taken off the end of a query that has additional records (its OPT record); TAIL: hexadecimal, what
 * every reply ends with, so that it is as long as a real server's. One thread, one socket, 64 datagrams a call: what a
 * server needs beyond this is its own.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { BATCH = 64, ROOM = 1500, MOST_TAIL = 512, HEADER = 12 };

static unsigned char octets[BATCH][ROOM];
static struct sockaddr_in clients[BATCH];
static struct iovec vectors[BATCH];
static struct mmsghdr messages[BATCH];

static void fail(const char *what) {
  perror(what);
  exit(1);
}

int main(int count, char **arguments) {
  if (count != 8) {
    fputs("echo PORT CUT RCODE ANSWERS AUTHORITIES ADDITIONALS TAIL\n", stderr);
    return 2;
  }
  const size_t cut = (size_t)atoi(arguments[2]);
  const unsigned char rcode = (unsigned char)atoi(arguments[3]);
  /* ANCOUNT, NSCOUNT, ARCOUNT: none is above 255 */
  const unsigned char counts[6] = {0, (unsigned char)atoi(arguments[4]), 0, (unsigned char)atoi(arguments[5]),
                                   0, (unsigned char)atoi(arguments[6])};
  unsigned char tail[MOST_TAIL];
  const size_t tail_length = strlen(arguments[7]) / 2;
  if (tail_length > MOST_TAIL) fail("TAIL is too long");
  for (size_t i = 0; i < tail_length; i++) {
    unsigned int octet;
    if (sscanf(arguments[7] + 2 * i, "%2x", &octet) != 1) fail("TAIL");
    tail[i] = (unsigned char)octet;
  }

  const int socket_number = socket(AF_INET, SOCK_DGRAM, 0);
  if (socket_number < 0) fail("socket");
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(arguments[1]))};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (bind(socket_number, (struct sockaddr *)&address, sizeof address) < 0) fail("bind");

  for (int i = 0; i < BATCH; i++) {
    vectors[i].iov_base = octets[i];
    messages[i].msg_hdr = (struct msghdr){.msg_name = &clients[i], .msg_iov = &vectors[i], .msg_iovlen = 1};
  }
  for (;;) {
    for (int i = 0; i < BATCH; i++) {
      vectors[i].iov_len = ROOM - MOST_TAIL;
      messages[i].msg_hdr.msg_namelen = sizeof clients[i];
    }
    /* waits for the first, and takes what is there beside it */
    const int received = recvmmsg(socket_number, messages, BATCH, MSG_WAITFORONE, NULL);
    if (received < 0) {
      if (errno == EINTR) continue;
      fail("recvmmsg");
    }
    for (int i = 0; i < received; i++) {
      size_t length = messages[i].msg_len;
      if (length >= HEADER + cut) {
        unsigned char *reply = octets[i];
        if (reply[11] != 0) length -= cut; /* ARCOUNT */
        reply[2] = (unsigned char)((reply[2] & 0x79) | 0x84); /* QR, AA; OPCODE and RD as they were */
        reply[3] = rcode;
        memcpy(reply + 6, counts, sizeof counts);
        memcpy(reply + length, tail, tail_length);
        length += tail_length;
      }
      vectors[i].iov_len = length;
    }
    for (int sent = 0; sent < received;) {
      const int now = sendmmsg(socket_number, messages + sent, (unsigned int)(received - sent), 0);
      if (now > 0) sent += now;
      else if (errno != EINTR && errno != EAGAIN && errno != ENOBUFS) sent++; /* who asked is gone */
    }
  }
}
