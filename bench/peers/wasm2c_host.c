/* The little of WASI that the benchmark programs use, for a program translated by wasm2c 1.0.32 (module name "guest"). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include HEADER

struct Z_wasi_snapshot_preview1_instance_t {
  Z_guest_instance_t guest;
};

static u8 *at(struct Z_wasi_snapshot_preview1_instance_t *host, u32 address) {
  return Z_guestZ_memory(&host->guest)->data + address;
}

u32 Z_wasi_snapshot_preview1Z_fd_close(struct Z_wasi_snapshot_preview1_instance_t *host, u32 fd) {
  (void)host, (void)fd;
  return 0;
}

u32 Z_wasi_snapshot_preview1Z_fd_fdstat_get(struct Z_wasi_snapshot_preview1_instance_t *host, u32 fd, u32 out) {
  (void)fd;
  memset(at(host, out), 0, 24);
  *at(host, out) = 2; /* a character device */
  return 0;
}

u32 Z_wasi_snapshot_preview1Z_fd_seek(struct Z_wasi_snapshot_preview1_instance_t *host, u32 fd, u64 to, u32 whence,
                                      u32 out) {
  (void)host, (void)fd, (void)to, (void)whence, (void)out;
  return 70; /* ESPIPE */
}

u32 Z_wasi_snapshot_preview1Z_fd_write(struct Z_wasi_snapshot_preview1_instance_t *host, u32 fd, u32 iovs, u32 n,
                                       u32 out) {
  u32 total = 0;
  for (u32 i = 0; i < n; i++) {
    u32 iov[2];
    memcpy(iov, at(host, iovs + 8 * i), sizeof iov);
    const ssize_t done = write((int)fd, at(host, iov[0]), iov[1]);
    if (done < 0) return 29; /* EIO */
    total += (u32)done;
  }
  memcpy(at(host, out), &total, sizeof total);
  return 0;
}

void Z_wasi_snapshot_preview1Z_proc_exit(struct Z_wasi_snapshot_preview1_instance_t *host, u32 status) {
  (void)host;
  exit((int)status);
}

int main(void) {
  static struct Z_wasi_snapshot_preview1_instance_t host;
  wasm_rt_init();
  Z_guest_init_module();
  Z_guest_instantiate(&host.guest, &host);
  Z_guestZ__start(&host.guest);
  return 0;
}
