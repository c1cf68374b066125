/* Prints the addresses that the C library resolves a name to, one a line, or why it does not. */
#include <netdb.h>
#include <stdio.h>
#include <sys/socket.h>

int main(int count, char **names) {
  struct addrinfo *list, wanted = { .ai_socktype = SOCK_STREAM };
  int problem = getaddrinfo(count > 1 ? names[1] : "", NULL, &wanted, &list);
  if (problem != 0) {
    fprintf(stderr, "%s\n", gai_strerror(problem));
    return 2;
  }
  for (; list != NULL; list = list->ai_next) {
    char text[64];
    getnameinfo(list->ai_addr, list->ai_addrlen, text, sizeof text, NULL, 0, NI_NUMERICHOST);
    puts(text);
  }
  return 0;
}
