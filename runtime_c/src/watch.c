/* The watch. Its thread runs as long as there is a store to look after, and touches stores with the lock held only. */
#define _GNU_SOURCE 1

#include "watch.h"

#include <pthread.h>
#include <signal.h>
#include <time.h>

#include "errors.h"

static const uint64_t second_ns = 1000000000;
static const uint64_t poll_ns = 40000000;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct w2si_store *stores;
static int is_running;

static uint64_t now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * second_ns + (uint64_t)now.tv_nsec;
}

static void poke(struct w2si_store *store) { __atomic_store_n(&store->pub.epoch_deadline, 0, __ATOMIC_SEQ_CST); }

/* Look after all stores; the time when that is due again. */
static uint64_t look_after(uint64_t now) {
  uint64_t next = UINT64_MAX;
  for (struct w2si_store *store = stores; store; store = store->interruption.next) {
    struct w2si_interruption *interruption = &store->interruption;
    if (interruption->expires_ns && interruption->expires_ns <= now) {
      interruption->expires_ns = 0;
      atomic_store(&interruption->is_overdue, 1);
      poke(store);
    }
    if (interruption->expires_ns && interruption->expires_ns < next) next = interruption->expires_ns;
    if (!interruption->is_polled) continue;
    if (atomic_load_explicit(&store->owner, memory_order_relaxed)) poke(store);
    if (now + poll_ns < next) next = now + poll_ns;
  }
  return next;
}

static void *watch(void *unused) {
  pthread_mutex_lock(&lock);
  while (stores) {
    uint64_t next = look_after(now_ns());
    if (next == UINT64_MAX) {
      pthread_cond_wait(&changed, &lock);
    } else {
      struct timespec time = {.tv_sec = (time_t)(next / second_ns), .tv_nsec = (long)(next % second_ns)};
      pthread_cond_timedwait(&changed, &lock, &time);
    }
  }
  is_running = 0;
  pthread_mutex_unlock(&lock);
  return unused;
}

/* Start the thread if there is none; 0 if that fails. It takes no signals: they are for the host's own threads. */
static int start(void) {
  if (is_running || !stores) return 1;
  pthread_attr_t attr;
  pthread_t thread;
  sigset_t all, before;
  sigfillset(&all);
  if (pthread_attr_init(&attr)) return 0;
  pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  is_running = pthread_create(&thread, &attr, watch, NULL) == 0;
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  pthread_attr_destroy(&attr);
  return is_running;
}

static void before_fork(void) { pthread_mutex_lock(&lock); }

static void after_fork(void) { pthread_mutex_unlock(&lock); }

/* A child process has the stores, but not the thread. */
static void in_child(void) {
  is_running = 0;
  start();
  pthread_mutex_unlock(&lock);
}

static void prepare(void) {
  pthread_condattr_t attr;
  pthread_condattr_init(&attr);
  pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
  pthread_cond_init(&changed, &attr);
  pthread_condattr_destroy(&attr);
  pthread_atfork(before_fork, after_fork, in_child);
}

/* The store is or is no longer among those that are looked after. */
static void list(struct w2si_store *store) {
  struct w2si_interruption *own = &store->interruption;
  int wanted = own->is_polled || own->expires_ns;
  if (wanted && !own->is_watched) {
    own->prev = NULL;
    own->next = stores;
    if (stores) stores->interruption.prev = store;
    stores = store;
  } else if (!wanted && own->is_watched) {
    *(own->prev ? &own->prev->interruption.next : &stores) = own->next;
    if (own->next) own->next->interruption.prev = own->prev;
  }
  own->is_watched = wanted;
}

/* With the lock held: what the store wants has changed. */
static int32_t update(struct w2si_store *store, struct w2s_error *error) {
  list(store);
  if (start()) {
    pthread_cond_signal(&changed);
    return W2S_OK;
  }
  store->interruption.is_polled = 0;
  store->interruption.expires_ns = 0;
  list(store);
  return w2si_fail(error, W2S_ERR_RESOURCE, "no thread can be started to watch the store");
}

int32_t w2si_watch_poll(struct w2si_store *store, struct w2s_error *error) {
  if (store->interruption.is_polled) return W2S_OK;
  pthread_once(&once, prepare);
  pthread_mutex_lock(&lock);
  store->interruption.is_polled = 1;
  int32_t status = update(store, error);
  pthread_mutex_unlock(&lock);
  return status;
}

int32_t w2si_watch_timeout(struct w2si_store *store, int64_t timeout_ns, struct w2s_error *error) {
  uint64_t now = now_ns();
  pthread_once(&once, prepare);
  pthread_mutex_lock(&lock);
  store->interruption.expires_ns = timeout_ns > 0 ? now + (uint64_t)timeout_ns : 0;
  /* under the lock: the new time may be over before this function is */
  atomic_store(&store->interruption.is_overdue, timeout_ns == 0);
  int32_t status = update(store, error);
  pthread_mutex_unlock(&lock);
  return status;
}

void w2si_watch_forget(struct w2si_store *store) {
  if (!store->interruption.is_watched) return;
  pthread_mutex_lock(&lock);
  store->interruption.is_polled = 0;
  store->interruption.expires_ns = 0;
  update(store, NULL);
  pthread_mutex_unlock(&lock);
}
