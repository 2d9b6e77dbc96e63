/* sock_*: sockets that the embedder handed over, and connections accepted from them. */
#define _GNU_SOURCE 1

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

#include "wasi_call.h"
#include "wasi_host.h"

static int need(const struct w2si_arg *arg, uint64_t rights) {
  return arg->desc->is_socket ? w2si_desc_need(arg->desc, rights) : W2SI_ENOTSOCK;
}

static int is_listening(const struct w2si_host_desc *own) {
  int yes = 0;
  socklen_t n = sizeof yes;
  return getsockopt(own->fd, SOL_SOCKET, SO_ACCEPTCONN, &yes, &n) == 0 && yes;
}

int w2si_sock_accept(struct w2si_call *call, const struct w2si_arg *args) {
  struct w2si_host_desc *own = w2si_as_host(args[0].desc);
  struct w2si_desc *accepted;
  uint32_t fd = 0;
  if ((args[1].n & ~(uint64_t)W2SI_FDFLAG_NONBLOCK) || !is_listening(own)) return W2SI_EINVAL;
  int failed = w2si_desc_room(call->wasi);
  int host = -1;
  while (!failed && host < 0) {
    struct pollfd now = {.fd = own->fd, .events = POLLIN};
    int ready = poll(&now, 1, 0);
    if (ready > 0) host = accept4(own->fd, NULL, NULL, SOCK_CLOEXEC);
    if (host < 0) failed = w2si_host_retry(own, ready == 0 ? EAGAIN : errno, POLLIN);
  }
  if (!failed) failed = w2si_host_open(call->wasi, host, 1, &accepted);
  if (failed) return failed;
  accepted->fdflags = (uint32_t)args[1].n;
  failed = w2si_desc_add(call->wasi, accepted, &fd);
  if (failed) {
    w2si_desc_release(accepted);
    return failed;
  }
  w2si_put32(args[2].at, fd);
  return 0;
}

/* Receive once; with W2SI_RI_WAITALL, until everything asked for is there or no more comes. */
static int receive(struct w2si_host_desc *own, struct w2si_io *io, uint64_t riflags, size_t *done, int *truncated) {
  const int peek = (riflags & W2SI_RI_PEEK) != 0;
  const int all = (riflags & W2SI_RI_WAITALL) && !peek && own->desc.filetype == W2SI_FILETYPE_SOCKET_STREAM;
  *done = 0;
  for (;;) {
    struct msghdr message = {.msg_iov = io->iov, .msg_iovlen = (size_t)io->n};
    ssize_t n = recvmsg(own->fd, &message, MSG_DONTWAIT | (peek ? MSG_PEEK : 0));
    if (n < 0) {
      int failed = w2si_host_retry(own, errno, POLLIN);
      if (failed) return failed < 0 || *done == 0 ? failed : 0;
      continue;
    }
    *done += (size_t)n;
    *truncated = (message.msg_flags & MSG_TRUNC) != 0;
    w2si_io_advance(io, (size_t)n);
    if (!all || n == 0 || io->bytes == 0) return 0;
  }
}

int w2si_sock_recv(struct w2si_call *call, const struct w2si_arg *args) {
  (void)call;
  struct w2si_io io = {.iov = args[1].iov, .n = (int)args[1].n, .bytes = args[1].bytes, .offset = -1};
  size_t done;
  int truncated = 0;
  int failed = need(&args[0], W2SI_RIGHT_FD_READ);
  if (failed) return failed;
  if (args[2].n & ~(uint64_t)W2SI_RIFLAGS) return W2SI_EINVAL;
  failed = receive(w2si_as_host(args[0].desc), &io, args[2].n, &done, &truncated);
  if (failed) return failed;
  w2si_put32(args[3].at, (uint32_t)done);
  w2si_put16(args[4].at, truncated ? W2SI_RO_TRUNCATED : 0);
  return 0;
}

int w2si_sock_send(struct w2si_call *call, const struct w2si_arg *args) {
  (void)call;
  size_t done = 0;
  const struct w2si_io io = {.iov = args[1].iov, .n = (int)args[1].n, .bytes = args[1].bytes, .offset = -1};
  int failed = need(&args[0], W2SI_RIGHT_FD_WRITE);
  if (failed) return failed;
  if (args[2].n) return W2SI_EINVAL; /* no flags are defined */
  failed = args[0].desc->ops->write(args[0].desc, &io, &done);
  if (!failed) w2si_put32(args[3].at, (uint32_t)done);
  return failed;
}

int w2si_sock_shutdown(struct w2si_call *call, const struct w2si_arg *args) {
  (void)call;
  static const int how[] = {0, SHUT_RD, SHUT_WR, SHUT_RDWR};
  if (args[1].n == 0 || args[1].n > W2SI_SDFLAGS) return W2SI_EINVAL;
  return shutdown(w2si_as_host(args[0].desc)->fd, how[args[1].n]) ? w2si_errno(errno) : 0;
}
