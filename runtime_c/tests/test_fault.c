/* The fault handler and its neighbours. Every case runs in a child, because most of them end in death. */
#define _GNU_SOURCE 1

#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "guest.h"

static const char *folder;
enum { EXIT_OURS = 40, EXIT_PREVIOUS = 41 };

static int32_t nothing(struct w2s_host_func *self, union w2s_value *values) {
  (void)self;
  (void)values;
  return 0;
}

static struct w2s_store *store;
static struct w2s_instance *instance;

static void setup(void) {
  store = w2s_store_new();
  instance = guest_instantiate(store, guest_open(folder, "PLAIN"), nothing, NULL);
}

static void trap_once(void) {
  CHECK(guest_call(store, instance, GUEST_LOAD, 5, 0) == -1 - W2S_TRAP_MEMORY_OUT_OF_BOUNDS);
}

static void set_handler(int sig, void (*handler)(int), int flags, struct sigaction *before) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = handler;
  action.sa_flags = flags;
  sigaction(sig, &action, before);
}

/* A real fault of the host, far from any wasm memory. */
static void crash(void) {
  volatile int *page = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  *page = 1;
}

/* Run `body` in a child; its exit status, or minus the signal that killed it. */
static int in_child(void (*body)(void)) {
  fflush(NULL);
  pid_t pid = fork();
  CHECK(pid >= 0);
  if (pid == 0) {
    alarm(20);
    body();
    _exit(EXIT_OURS);
  }
  int status;
  CHECK(waitpid(pid, &status, 0) == pid);
  return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

static void exit_previous(int sig) {
  (void)sig;
  _exit(EXIT_PREVIOUS);
}

static void default_before(void) {
  setup();
  trap_once();
  crash();
}

static void handler_before(void) {
  set_handler(SIGSEGV, exit_previous, 0, NULL);
  setup();
  trap_once();
  crash();
}

static void raised(void) {
  setup();
  trap_once();
  raise(SIGSEGV);
}

static void sent_while_ignored(void) {
  set_handler(SIGSEGV, SIG_IGN, 0, NULL);
  setup();
  raise(SIGSEGV);
  trap_once();
}

static void crash_while_ignored(void) {
  set_handler(SIGSEGV, SIG_IGN, 0, NULL);
  setup();
  crash();
}

static int32_t crashing_host(struct w2s_host_func *self, union w2s_value *values) {
  (void)self;
  (void)values;
  crash();
  return 0;
}

/* A fault in a host function is no trap, not even inside a guest's memory. */
static void crash_in_host(void) {
  store = w2s_store_new();
  instance = guest_instantiate(store, guest_open(folder, "PLAIN"), crashing_host, NULL);
  guest_call(store, instance, GUEST_CALL_HOST, 0, 0);
}

static int32_t reading_host(struct w2s_host_func *self, union w2s_value *values) {
  struct w2s_extern item;
  (void)self;
  w2s_instance_export(instance, GUEST_MEMORY, &item);
  values[0].i32 = *(volatile uint8_t *)(item.memory->base + 65536);
  return 0;
}

static void read_beyond_in_host(void) {
  store = w2s_store_new();
  instance = guest_instantiate(store, guest_open(folder, "PLAIN"), reading_host, NULL);
  guest_call(store, instance, GUEST_CALL_HOST, 0, 0);
}

/* What faulthandler does: on a signal it puts back what it found, reports, and raises the signal anew. */
static struct sigaction found_by_reporter;
static volatile int reports;

static void reporter(int sig) {
  int saved = errno;
  reports++;
  sigaction(sig, &found_by_reporter, NULL);
  if (reports > 100) _exit(99);
  errno = saved;
  raise(sig);
}

static void take_over(void) { set_handler(SIGSEGV, reporter, SA_NODEFER | SA_ONSTACK, &found_by_reporter); }

/* Taken over between two calls: noticed, as a real takeover costs more time than the recheck's interval. */
static void taken_over_after(void) {
  setup();
  trap_once();
  take_over();
  usleep(100);
  trap_once();
  CHECK(reports == 0);
  crash(); /* reported, then dead, not in an endless loop of two handlers that take turns */
}

static void taken_over_after_and_reported(void) {
  setup();
  take_over();
  usleep(100);
  trap_once();
  set_handler(SIGBUS, exit_previous, 0, NULL);
  crash();
}

static int32_t taking_host(struct w2s_host_func *self, union w2s_value *values) {
  (void)self;
  (void)values;
  take_over();
  return 0;
}

/* Taken over behind our back, inside a call: the signal comes back to us by way of the other handler. */
static struct w2s_funcref *guest_load;
static int32_t taking_host_then_load(struct w2s_host_func *self, union w2s_value *values) {
  taking_host(self, values);
  union w2s_value value = {.i32 = 3};
  struct w2s_error error;
  CHECK(w2s_call(store, guest_load, &value, &error) == W2S_ERR_TRAP);
  return 0;
}

static void taken_over_inside(void) {
  store = w2s_store_new();
  instance = guest_instantiate(store, guest_open(folder, "PLAIN"), taking_host_then_load, NULL);
  guest_load = guest_func(instance, GUEST_LOAD);
  CHECK(guest_call(store, instance, GUEST_CALL_HOST, 0, 0) == 0);
  CHECK(reports == 1);
  trap_once();
  CHECK(reports == 1);
}

/* faulthandler.disable() where it came before us: it puts back the default, and we are gone. */
static void taken_away(void) {
  setup();
  trap_once();
  set_handler(SIGSEGV, SIG_DFL, 0, NULL);
  usleep(100);
  trap_once();
  crash();
}

static void do_nothing(int sig) { (void)sig; }

/* A handler before us that returns without doing anything must not make the fault an endless loop. */
static void idle_before(void) {
  set_handler(SIGSEGV, do_nothing, 0, NULL);
  setup();
  crash();
}

static void *volatile repaired;

static void repair(int sig, siginfo_t *info, void *context) {
  (void)sig;
  (void)context;
  if (info->si_addr == repaired) mprotect(info->si_addr, 4096, PROT_READ | PROT_WRITE);
}

/* A handler before us that serves faults of its own keeps working. */
static void repairing_before(void) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_sigaction = repair;
  action.sa_flags = SA_SIGINFO;
  sigaction(SIGSEGV, &action, NULL);
  setup();
  for (int k = 0; k < 50; k++) {
    repaired = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    *(volatile int *)repaired = 1;
    trap_once();
    munmap(repaired, 4096);
  }
}

/* The host's own stack overflow still dies as it should: the handler has a stack to run on. */
static __attribute__((noinline)) int overflow(volatile int *depth) {
  volatile int room[64];
  room[*depth % 64] = *depth;
  if (++*depth < 0) return 0;
  return overflow(depth) + room[*depth % 64];
}

static void overflow_the_stack(void) {
  volatile int depth = 0;
  setup();
  trap_once();
  overflow(&depth);
}

static void in_grandchild(void) {
  setup();
  trap_once();
  CHECK(in_child(trap_once) == EXIT_OURS);
}

int main(int argc, char **argv) {
  CHECK(argc == 2);
  folder = argv[1];
  CHECK(in_child(default_before) == -SIGSEGV);
  CHECK(in_child(handler_before) == EXIT_PREVIOUS);
  CHECK(in_child(raised) == -SIGSEGV);
  CHECK(in_child(sent_while_ignored) == EXIT_OURS);
  CHECK(in_child(crash_while_ignored) == -SIGSEGV);
  CHECK(in_child(crash_in_host) == -SIGSEGV);
  CHECK(in_child(read_beyond_in_host) == -SIGSEGV);
  CHECK(in_child(taken_over_after) == -SIGSEGV);
  CHECK(in_child(taken_over_after_and_reported) == -SIGSEGV);
  CHECK(in_child(taken_over_inside) == EXIT_OURS);
  CHECK(in_child(taken_away) == -SIGSEGV);
  CHECK(in_child(idle_before) == -SIGSEGV);
  CHECK(in_child(repairing_before) == EXIT_OURS);
  CHECK(in_child(overflow_the_stack) == -SIGSEGV);
  CHECK(in_child(in_grandchild) == EXIT_OURS);
  return 0;
}
