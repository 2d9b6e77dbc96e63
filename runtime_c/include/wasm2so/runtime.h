/* The runtime's interface for embedders (the Python package, C programs). pycparser-clean like abi.h.
 *
 * A store and everything in it belongs to one thread at a time. Functions that can fail return a
 * enum w2s_status and, where they take one, fill a w2s_error; on failure nothing is left half made.
 */
#ifndef WASM2SO_RUNTIME_H
#define WASM2SO_RUNTIME_H

#include <stddef.h>
#include "abi.h"
#include "libcalls.h"

enum w2s_status {
  W2S_OK = 0,
  W2S_ERR_TRAP = 1,     /* error.trap tells which; W2S_TRAP_HOST: the embedder holds the host's error */
  W2S_ERR_LINK = 2,     /* an import does not fit */
  W2S_ERR_RESOURCE = 3, /* a limit of the store, or the system is out of something */
  W2S_ERR_FORMAT = 4,   /* the .so is not one of ours, truncated, foreign or stale */
  W2S_ERR_USAGE = 5,    /* wrong store, wrong thread, index out of range */
  W2S_ERR_EXCEPTION = 6, /* an exception was not caught: w2s_uncaught tells which */
  W2S_SUSPENDED = 7      /* w2s_fiber_resume: the call waits in a host function */
};

/* What a host function returns besides enum w2s_host_result: it has begun, and w2s_fiber_resume will say how it ended.
 * Allowed if w2s_may_suspend; else it counts as W2S_HOST_FAILED. */
enum w2s_host_suspended { W2S_HOST_SUSPENDED = 3 };

struct w2s_error {
  int32_t status;
  uint32_t trap; /* enum w2s_trap_code, with W2S_ERR_TRAP */
  int32_t index; /* W2S_ERR_LINK: index of the import, or -1 */
  char message[500]; /* UTF-8, terminated; guest-made names are cut to fit and have control characters replaced */
};

enum w2s_wait_result {
  W2S_WAIT_WOKEN = 0,
  W2S_WAIT_NOT_EQUAL = 1,
  W2S_WAIT_TIMED_OUT = 2,
  W2S_WAIT_CANCELLED = 3, /* `poll` gave up */
  W2S_WAIT_OUT_OF_BOUNDS = -1,
  W2S_WAIT_UNALIGNED = -2
};

struct w2s_module; /* a loaded .so, reference counted, usable from any thread */

/* Something importable or exported. Which member counts is told by `kind` (enum w2s_extern_kind). */
struct w2s_extern {
  uint32_t kind;
  uint32_t reserved_;
  struct w2s_funcref *func;
  struct w2s_table *table;
  struct w2s_memory *memory;
  struct w2s_global global; /* by value: globals of instances have no object of their own */
  struct w2s_tag *tag;
};

struct w2s_limits {
  uint64_t memory_bytes;   /* of one memory */
  uint64_t total_memory_bytes; /* of all memories of the store */
  uint64_t table_elems;    /* of one table */
  uint64_t instances;
  uint64_t tables;
  uint64_t memories;
  uint64_t stack_bytes;    /* wasm stack of one activation chain; capped by the thread's real stack */
  uint64_t exception_bytes; /* of all exceptions that live at a time */
  uint64_t fibers;         /* calls on stacks of their own, each of stack_bytes */
};

/* Install the fault handler (SIGSEGV, SIGBUS), chaining to whatever was there; again if somebody took it over.
 * Cheap when nothing changed. Called by w2s_instantiate. */
int32_t w2s_runtime_init(void);
/* Text of a trap in the words of the spec's test suite. */
const char *w2s_trap_message(uint32_t code);
/* SHA-256 (32 bytes) of abi.h and libcalls.h that this runtime was built from. */
const uint8_t *w2s_abi_digest(void);
/* Can this process reserve one guarded 32-bit memory (8 GiB and a bit) just now? */
int32_t w2s_can_reserve(void);
/* Highest x86-64 level (1..4) this CPU has; 0 on other machines. */
uint32_t w2s_cpu_level(void);

struct w2s_store *w2s_store_new(void);
void w2s_store_delete(struct w2s_store *store);
void w2s_store_get_limits(const struct w2s_store *store, struct w2s_limits *limits);
void w2s_store_set_limits(struct w2s_store *store, const struct w2s_limits *limits);
void w2s_store_set_data(struct w2s_store *store, void *data); /* for the embedder */
void *w2s_store_data(const struct w2s_store *store);
/* Code of the store that waits (memory.atomic.wait) calls `poll` at least every 50 ms, as it would a host function;
 * non-zero means failure and traps with W2S_TRAP_HOST. */
void w2s_store_set_poll(struct w2s_store *store, int32_t (*poll)(struct w2s_store *store));
/* From any thread: if code of the store runs, its wait (memory.atomic.wait, or a WASI function that blocks), or the next
 * one of the same call, traps with W2S_TRAP_INTERRUPT; so does a WASI function that is called 50 ms later. Code that was
 * compiled with epochs traps also where it computes. */
void w2s_store_interrupt(struct w2s_store *store);

/* Fuel, for modules that count it (W2S_META_FUEL). A new store has none. Below zero its code calls the hook, as it would
 * a host function: it returns how much to add, 0 for a trap with W2S_TRAP_OUT_OF_FUEL, or a negative number for one with
 * W2S_TRAP_HOST. Hooks are not called while one runs: code that they call traps. */
void w2s_store_set_fuel(struct w2s_store *store, uint64_t fuel);
uint64_t w2s_store_fuel(const struct w2s_store *store);
void w2s_store_set_fuel_hook(struct w2s_store *store, int64_t (*hook)(struct w2s_store *store));

/* Epochs, for modules that look at them (W2S_META_EPOCHS). `epoch` is a number of the embedder's that must outlive the
 * store; any thread may increment it. Once it has come to the deadline, `ticks` from now, code of the store calls the
 * hook, which returns for how many ticks it may go on, 0 for a trap with W2S_TRAP_INTERRUPT, or a negative number for one
 * with W2S_TRAP_HOST. A new store has neither deadline nor hook. */
void w2s_epoch_increment(uint64_t *epoch);
void w2s_store_set_epoch(struct w2s_store *store, const uint64_t *epoch);
void w2s_store_set_epoch_deadline(struct w2s_store *store, uint64_t ticks);
void w2s_store_set_epoch_hook(struct w2s_store *store, int64_t (*hook)(struct w2s_store *store));
/* `ticks` > 0: at its deadline, a call on a fiber is suspended instead, in no host function, and goes on for as many ticks
 * when it is resumed with W2S_HOST_OK; with anything else it traps with W2S_TRAP_HOST. */
void w2s_store_set_epoch_yield(struct w2s_store *store, uint64_t ticks);
/* After `timeout_ns` the store is overdue: its code traps with W2S_TRAP_INTERRUPT, each time until the timeout is set
 * anew, if it waits or was compiled with epochs. 0: it is overdue at once. Negative: there is no timeout any more. */
int32_t w2s_store_set_timeout(struct w2s_store *store, int64_t timeout_ns, struct w2s_error *error);
int32_t w2s_store_is_overdue(const struct w2s_store *store);

/* What a limiter is asked about. */
enum w2s_growth_kind { W2S_GROWS_MEMORY = 0, W2S_GROWS_TABLE = 1, W2S_GROWS_INSTANCES = 2 };
struct w2s_growth {
  uint64_t current; /* bytes of a memory, elements of a table, instances in the store; 0 for one that is to be made */
  uint64_t desired;
  uint64_t maximum; /* the declared one; of instances, the store's limit */
  int32_t has_maximum;
};
/* The limiter is asked before a memory or table of the store is made or grows and before an instance is made, if the
 * limits allow that; shared memories are not its business. It returns 1 to allow it, 0 not to: making fails then with
 * W2S_ERR_RESOURCE, and growing gives -1. A negative number means failure, and traps with W2S_TRAP_HOST. It may call into
 * the store. NULL: none. */
void w2s_store_set_limiter(struct w2s_store *store,
                           int32_t (*limiter)(struct w2s_store *store, uint32_t kind,
                                              const struct w2s_growth *growth));

/* dlopen the file behind `fd` (kept open for its images) and check its descriptor. `path` is for messages. */
int32_t w2s_module_open(int32_t fd, const char *path, struct w2s_module **out, struct w2s_error *error);
/* The module that is linked into this executable, whose own file its images come from. */
int32_t w2s_module_linked(const struct w2s_descriptor *descriptor, struct w2s_module **out, struct w2s_error *error);
void w2s_module_retain(struct w2s_module *module);
void w2s_module_release(struct w2s_module *module);
const struct w2s_descriptor *w2s_module_descriptor_of(const struct w2s_module *module);
/* The descriptor of the module's own file, which stays the module's: the caller reads it at given offsets only. */
int32_t w2s_module_fd(const struct w2s_module *module);
/* A number that no other module of this process has or had. */
uint64_t w2s_module_id(const struct w2s_module *module);
/* The code of the `defined`-th function of the module's own, to be called as w2s_funcref.code is. NULL if there is no such
 * function, the C compiler inlined it wherever it is used, or the file's symbols were stripped. */
void (*w2s_module_function(struct w2s_module *module, uint32_t defined))(void);
/* The image of the `defined`-th memory of the module's own: bytes that are mapped copy-on-write at the linear address
 * `linear_offset` of fresh instances, in whole pages. `bytes` is 0 if it has none. */
struct w2s_image_place {
  int32_t fd; /* the module's */
  uint64_t file_offset;
  uint64_t linear_offset;
  uint64_t bytes;
  const uint8_t *data;
};
int32_t w2s_module_image(const struct w2s_module *module, uint32_t defined, struct w2s_image_place *out);
/* A module with the code of `base` whose instances begin as `meta` says: a metadata blob that differs from base's in the
 * minimum sizes, initial values, segments, start function and images alone (W2S_ERR_FORMAT). `image_fd` is a memfd with
 * the image section, sealed against writing and shrinking; -1 if there are no images. Both are copied. */
int32_t w2s_module_derive(struct w2s_module *base, const void *meta, uint64_t meta_bytes, int32_t image_fd,
                          struct w2s_module **out, struct w2s_error *error);

/* Canonical ids: equal structure, equal id, process wide. */
uint32_t w2s_type_intern_func(const struct w2s_valtype *params, size_t n_params, const struct w2s_valtype *results,
                              size_t n_results);
/* Parts of a canonical function type; pointers stay valid for ever. Returns 0 if `id` is no function type. */
int32_t w2s_type_func(uint32_t id, const struct w2s_valtype **params, size_t *n_params,
                      const struct w2s_valtype **results, size_t *n_results);
int32_t w2s_valtype_matches(const struct w2s_valtype *actual, const struct w2s_valtype *expected);

/* Instantiate (spec: Instantiation): check imports one to one, allocate, tables, element and data segments,
 * start function. The instance belongs to the store. */
int32_t w2s_instantiate(struct w2s_store *store, struct w2s_module *module, const struct w2s_extern *imports,
                        size_t n_imports, struct w2s_instance **out, struct w2s_error *error);
/* The same in two steps. Between them nothing of the module has run: memories and tables are empty, so are images. The
 * second may be done once; where it fails, its effects so far stay. */
int32_t w2s_instance_new(struct w2s_store *store, struct w2s_module *module, const struct w2s_extern *imports,
                         size_t n_imports, struct w2s_instance **out, struct w2s_error *error);
int32_t w2s_instance_finish(struct w2s_instance *instance, struct w2s_error *error);
/* The second step without calling the start function, which is left for the caller to do; NULL if there is none. */
int32_t w2s_instance_finish_but_start(struct w2s_instance *instance, struct w2s_funcref **start,
                                      struct w2s_error *error);

/* Imports that have been checked, to instantiate with again and again. It must not be used once the store is deleted, but
 * for deleting it. */
struct w2s_instance_pre;
int32_t w2s_pre_new(struct w2s_store *store, struct w2s_module *module, const struct w2s_extern *imports,
                    size_t n_imports, struct w2s_instance_pre **out, struct w2s_error *error);
int32_t w2s_pre_instantiate(const struct w2s_instance_pre *pre, struct w2s_instance **out, struct w2s_error *error);
void w2s_pre_delete(struct w2s_instance_pre *pre);

/* Using a store and its only instance again, as if both were new.
 * w2s_instance_mark, between w2s_instance_new and w2s_instance_finish, notes the state to go back to. w2s_instance_reset
 * goes back to it, whatever the instance did meanwhile and however its calls ended; then w2s_instance_finish is due
 * again. It fails with W2S_ERR_USAGE if anything else was made in the store since, or code of the store runs, and with
 * W2S_ERR_RESOURCE if the system refuses; then the store is good only for w2s_store_delete. Up to `keep_resident` bytes
 * of touched pages are written again rather than given back to the system.
 * What keeps its state elsewhere cannot be marked (W2S_ERR_USAGE): instances that import memories, tables, mutable
 * globals or WASI, or declare a shared memory. Imported shared memories are left as they are. */
int32_t w2s_instance_mark(struct w2s_instance *instance, uint64_t keep_resident, struct w2s_error *error);
int32_t w2s_instance_reset(struct w2s_instance *instance, struct w2s_error *error);

struct w2s_vm *w2s_instance_vm(const struct w2s_instance *instance);
struct w2s_module *w2s_instance_module(const struct w2s_instance *instance);
/* The n-th export in the module's order. */
int32_t w2s_instance_export(struct w2s_instance *instance, uint32_t nth, struct w2s_extern *out);
/* Any item of an index space, imported or own. */
int32_t w2s_instance_item(struct w2s_instance *instance, uint32_t kind, uint32_t index, struct w2s_extern *out);

/* Call `visit` for each reference to a host object that tables, globals and exceptions of the store hold, and for what may
 * be one in calls that are suspended; the same handle may come several times, and numbers that are none. No code of the
 * store may be running: frames hold others. Returns how many places it read. */
uint64_t w2s_visit_externs(struct w2s_store *store, void (*visit)(void *env, uint32_t handle), void *env);

/* A function made by the host. `type` is canonical. `env` is passed back through w2s_host_func.env. */
struct w2s_funcref *w2s_func_new(struct w2s_store *store, uint32_t type,
                                 int32_t (*call)(struct w2s_host_func *self, union w2s_value *values), void *env,
                                 void (*finalize)(void *env));
/* A tag made by the host; `type` is canonical, of a function without results. */
struct w2s_tag *w2s_tag_new(struct w2s_store *store, uint32_t type, struct w2s_error *error);
/* For host functions: throw. The host function must return the result, an enum w2s_host_result. `origin` is the
 * embedder's own number for the exception, 0 if it has none. */
int32_t w2s_host_throw(struct w2s_store *store, struct w2s_tag *tag, const union w2s_value *values, uint64_t origin);
/* After W2S_ERR_EXCEPTION: the tag of the exception, its values, which stay valid until the next call in the store, and
 * its origin, 0 if wasm code threw it. NULL if there was none. */
struct w2s_tag *w2s_uncaught(const struct w2s_store *store, const union w2s_value **values, uint64_t *origin);
/* Array call. `values` holds the arguments and has room for max(params, results) slots; results are left there. */
int32_t w2s_call(struct w2s_store *store, struct w2s_funcref *func, union w2s_value *values,
                 struct w2s_error *error);

/* A call on a stack of its own, a fiber, that a host function can suspend.
 *
 * `values` are as for w2s_call and must stay until the call has ended. The fiber is the embedder's to delete; its call ends
 * with the store's at the latest. w2s_fiber_resume begins the call or goes on with it, and comes back with W2S_SUSPENDED
 * when a host function returned W2S_HOST_SUSPENDED, else as w2s_call. All host functions run on the stack of its caller.
 * To go on, the embedder leaves the host function's results in the values that w2s_fiber_host gives, and says by
 * `host_result` how the function ended (what is passed to begin with does not count). Any number of calls can be suspended
 * in a store while others run, on fibers or not. A call is resumed in the thread that began it. After W2S_ERR_USAGE and
 * W2S_ERR_RESOURCE it is as it was. */
struct w2s_fiber;
struct w2s_fiber *w2s_fiber_new(struct w2s_store *store, struct w2s_funcref *func, union w2s_value *values,
                                struct w2s_error *error);
int32_t w2s_fiber_resume(struct w2s_fiber *fiber, int32_t host_result, struct w2s_error *error);
/* The host function in which the call is suspended, and its values; NULL if it is not suspended. */
struct w2s_host_func *w2s_fiber_host(const struct w2s_fiber *fiber, union w2s_value **values);
/* As w2s_host_throw, on behalf of the host function in which the call is suspended: the result is for w2s_fiber_resume. */
int32_t w2s_fiber_throw(struct w2s_fiber *fiber, struct w2s_tag *tag, const union w2s_value *values, uint64_t origin);
/* From any thread, also if the store is deleted. A suspended call ends where it is: its frames are forgotten. Refused with
 * W2S_ERR_USAGE while it runs. */
int32_t w2s_fiber_delete(struct w2s_fiber *fiber);
/* For host functions: may this one return W2S_HOST_SUSPENDED? Not if its caller runs in a plain call. */
int32_t w2s_may_suspend(const struct w2s_store *store);

struct w2s_memory *w2s_memory_new(struct w2s_store *store, uint64_t min_pages, uint64_t max_pages, int32_t has_max,
                                  int32_t is64, int32_t shared, uint32_t page_log2, int32_t guarded,
                                  struct w2s_error *error);
/* Old size in pages, or UINT64_MAX. */
uint64_t w2s_memory_grow(struct w2s_memory *memory, uint64_t delta_pages);
/* The current size. */
uint64_t w2s_memory_bytes(const struct w2s_memory *memory);

/* A shared memory belongs to no store: all functions on it may be called from any thread at any time. It lives until the
 * last reference and the last store that uses it are gone. w2s_shared_memory_new gives the first reference. */
struct w2s_memory *w2s_shared_memory_new(uint64_t min_pages, uint64_t max_pages, int32_t is64, uint32_t page_log2,
                                         int32_t guarded, struct w2s_error *error);
void w2s_shared_memory_retain(struct w2s_memory *memory);
void w2s_shared_memory_release(struct w2s_memory *memory);
/* memory.atomic.wait32 (n_bytes 4) and wait64 (8) by the host: an enum w2s_wait_result. timeout_ns < 0: without end.
 * At least every 50 ms `poll` is called, if not NULL; non-zero gives up. */
int32_t w2s_memory_wait(struct w2s_memory *memory, uint64_t address, uint64_t expected, uint32_t n_bytes,
                        int64_t timeout_ns, int32_t (*poll)(void *env), void *env);
/* memory.atomic.notify by the host: how many were woken, or W2S_WAIT_OUT_OF_BOUNDS or _UNALIGNED. */
int64_t w2s_memory_notify(struct w2s_memory *memory, uint64_t address, uint32_t count);
struct w2s_table *w2s_table_new(struct w2s_store *store, const struct w2s_valtype *type, uint64_t min_elems,
                                uint64_t max_elems, int32_t has_max, int32_t is64, union w2s_ref init,
                                struct w2s_error *error);
uint64_t w2s_table_grow(struct w2s_table *table, uint64_t delta, union w2s_ref init);
/* 0 if `index` is out of range. */
int32_t w2s_table_get(const struct w2s_table *table, uint64_t index, union w2s_ref *out);
int32_t w2s_table_set(struct w2s_table *table, uint64_t index, union w2s_ref value);
struct w2s_global *w2s_global_new(struct w2s_store *store, const struct w2s_valtype *type, int32_t is_mutable,
                                  const union w2s_value *value);
void w2s_global_get(const struct w2s_global *global, union w2s_value *out);
void w2s_global_set(struct w2s_global *global, const union w2s_value *value);

#endif
