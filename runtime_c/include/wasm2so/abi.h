/* Structures and enums shared by the runtime, the generated C and the Python side.
 *
 * This file and libcalls.h are the single source of truth: pycparser reads them as they stand (no attributes,
 * no #ifdef, no macros), the generated C asserts the offsets found that way, and a digest of both texts is
 * compiled into every .so and compared before anything of it runs.
 *
 * Units: names ending in `bytes` count bytes, `pages` count pages of `page_log2`, `n_` counts elements.
 */
#ifndef WASM2SO_ABI_H
#define WASM2SO_ABI_H

#include <stdint.h>

enum w2s_constants {
  W2S_MAGIC = 0x6f733277, /* "w2so", little endian */
  W2S_ABI_VERSION = 1,
  W2S_MAX_RESULTS = 1000, /* implementation limit of the JS API */
  W2S_NO_FUNC = -1,       /* a null entry in a list of function indices */
  W2S_EXCEPTION_SLOTS = 4 /* values that fit into an exception of the pool */
};

/* Why wasm code stopped. The first twelve numbers are those of wasmtime's trap codes. */
enum w2s_trap_code {
  W2S_TRAP_STACK_OVERFLOW = 0,
  W2S_TRAP_MEMORY_OUT_OF_BOUNDS = 1,
  W2S_TRAP_HEAP_MISALIGNED = 2,
  W2S_TRAP_TABLE_OUT_OF_BOUNDS = 3,
  W2S_TRAP_INDIRECT_CALL_TO_NULL = 4,
  W2S_TRAP_BAD_SIGNATURE = 5,
  W2S_TRAP_INTEGER_OVERFLOW = 6,
  W2S_TRAP_INTEGER_DIVISION_BY_ZERO = 7,
  W2S_TRAP_BAD_CONVERSION_TO_INTEGER = 8,
  W2S_TRAP_UNREACHABLE = 9,
  W2S_TRAP_INTERRUPT = 10,
  W2S_TRAP_OUT_OF_FUEL = 11,
  W2S_TRAP_NULL_REFERENCE = 12,
  W2S_TRAP_CAST_FAILURE = 13,
  W2S_TRAP_ARRAY_OUT_OF_BOUNDS = 14,
  W2S_TRAP_UNDEFINED_ELEMENT = 15, /* call_indirect beyond the end of the table */
  W2S_TRAP_HOST = 16,              /* a host function failed; the embedder holds its error */
  W2S_TRAP_WAIT_ON_UNSHARED = 17,  /* memory.atomic.wait on a memory that is not shared */
  W2S_TRAP_EXIT = 18,              /* no failure: the program ended itself (WASI's proc_exit) */
  W2S_TRAP_OUT_OF_MEMORY = 19      /* no room for an exception */
};

/* Kinds of imports and exports: the bytes of the binary format. */
enum w2s_extern_kind {
  W2S_EXTERN_FUNC = 0,
  W2S_EXTERN_TABLE = 1,
  W2S_EXTERN_MEMORY = 2,
  W2S_EXTERN_GLOBAL = 3,
  W2S_EXTERN_TAG = 4
};

/* Value type codes: the bytes of the binary format. */
enum w2s_valtype_code {
  W2S_I32 = 0x7f,
  W2S_I64 = 0x7e,
  W2S_F32 = 0x7d,
  W2S_F64 = 0x7c,
  W2S_V128 = 0x7b,
  W2S_I8 = 0x78,  /* packed fields only */
  W2S_I16 = 0x77,
  W2S_REF = 0x64,      /* (ref ht) */
  W2S_REF_NULL = 0x63  /* (ref null ht) */
};

/* Abstract heap types, as the signed numbers of the binary format; concrete ones are type indices >= 0. */
enum w2s_heaptype {
  W2S_HEAP_NOEXN = -0x0c,
  W2S_HEAP_NOFUNC = -0x0d,
  W2S_HEAP_NOEXTERN = -0x0e,
  W2S_HEAP_NONE = -0x0f,
  W2S_HEAP_FUNC = -0x10,
  W2S_HEAP_EXTERN = -0x11,
  W2S_HEAP_ANY = -0x12,
  W2S_HEAP_EQ = -0x13,
  W2S_HEAP_I31 = -0x14,
  W2S_HEAP_STRUCT = -0x15,
  W2S_HEAP_ARRAY = -0x16,
  W2S_HEAP_EXN = -0x17
};

/* A value type or a field type. `heap` is a heap type when `code` is W2S_REF or W2S_REF_NULL: an abstract one,
 * or a type index (in a module's metadata: of that module; at run time: canonical, process wide). */
struct w2s_valtype {
  uint16_t code;
  uint16_t mutable_; /* fields only */
  int32_t heap;
};

/* ---- run-time objects that generated code touches ------------------------------------------------------- */

struct w2s_vm;    /* an instance's context; each module's generated C completes it, beginning with w2s_vm_head */
struct w2s_store;
struct w2s_instance; /* private to the runtime */
struct w2s_builtins; /* libcalls.h */

/* A function as a value. Tables, globals and `ref.func` hold pointers to these; null is NULL.
 * `code` takes (struct w2s_vm *, params...) and returns the first result; further results are left in
 * store->results[1..]. For a host function `vm` points to a w2s_host_func.
 * `code` returns for good or not at all: an exception that leaves it unwinds the stack. `raw` returns with the
 * exception pending in the store; NULL if there is no such entry. Only catching modules call it, and test. */
struct w2s_funcref {
  void (*code)(void);
  struct w2s_vm *vm;
  uint32_t type;  /* canonical type id: equal ids, equal types */
  uint32_t flags; /* private to the runtime */
  void (*raw)(void);
};

/* One value, in the slots of the array calling convention (arguments in, results out).
 * References other than functions are 32-bit handles; 0 is null. */
union w2s_value {
  uint32_t i32;
  uint64_t i64;
  float f32;
  double f64;
  uint32_t ref;
  struct w2s_funcref *func;
  uint64_t words[2]; /* v128 */
};

/* A table element. Function tables use `func`; all others `word` (a 32-bit handle, 0 is null). */
union w2s_ref {
  struct w2s_funcref *func;
  uint64_t word;
};

/* A linear memory. `base` never moves during the memory's life: growth happens inside the reservation. A shared memory
 * belongs to no store (`store` and `next` are NULL), and `bytes` is read and written atomically. */
struct w2s_memory {
  uint8_t *base;
  uint64_t bytes;      /* current size */
  uint64_t max_bytes;  /* growth stops here: the declared maximum, the reservation and the store's limit */
  uint64_t reserved;   /* address space from base on that faults safely or belongs to the memory */
  uint64_t declared_max_pages; /* for type checks; meaningful if has_max */
  uint32_t page_log2;  /* 16 unless custom page sizes are used */
  uint8_t has_max;
  uint8_t is64;
  uint8_t shared;
  uint8_t guarded;     /* any 32-bit index plus a 32-bit offset lands inside `reserved` */
  struct w2s_store *store;
  struct w2s_memory *next; /* all memories of the store */
};

/* A table. `elems` moves when the table grows: generated code reads it at each use. */
struct w2s_table {
  union w2s_ref *elems;
  uint64_t n_elems;
  uint64_t max_elems;          /* growth stops here */
  uint64_t declared_max_elems; /* for type checks; meaningful if has_max */
  uint64_t capacity;
  struct w2s_valtype type;     /* canonical heap type */
  uint8_t has_max;
  uint8_t is64;
  uint8_t is_func;             /* elements are function references */
  uint8_t reserved_;
  struct w2s_store *store;
  struct w2s_table *next;
};

/* A global that was made by the host or is seen from outside; `value` may point into an instance's context,
 * where globals lie at their natural width. */
struct w2s_global {
  void *value;
  struct w2s_valtype type; /* canonical heap type */
  uint32_t is_mutable;
  uint32_t reserved_;
  struct w2s_store *store;
  union w2s_value own; /* storage of a host-made global */
};

/* An exception tag: its address is its identity. */
struct w2s_tag {
  uint32_t type;     /* canonical id of a function type without results */
  uint32_t n_values; /* its parameters */
  struct w2s_store *store;
};

/* An exception that was thrown. */
struct w2s_exception {
  struct w2s_tag *tag;
  union w2s_value *values;
  uint32_t n_slots; /* room in `values`; W2S_EXCEPTION_SLOTS: of the pool */
  uint32_t refs;    /* being pending, and each handle, count one */
  struct w2s_exception *next; /* in the pool */
  uint64_t origin;  /* the embedder's number, if the host threw it; else 0 */
};

/* A tail call that has been asked for: the function that asked has returned, and its entry makes the call.
 * Arguments wait in store->results. `direct` is the code that a loop calls next, or that a jump goes to: an entry that
 * finds its own address there leaves its tail calls to that loop, so that the stack does not grow. */
struct w2s_tail {
  void (*run)(struct w2s_funcref *callee, union w2s_value *values); /* array call of the callee; NULL: nothing asked */
  void (*direct)(void);
  uint32_t n_slots; /* the larger of the callee's numbers of parameters and results, at least 1 */
  uint32_t reserved_;
  struct w2s_funcref callee;
};

/* The part of a store that generated code reads. The runtime's own part lies behind it. */
struct w2s_store {
  uint8_t *stack_limit;        /* lowest frame address allowed in the current activation */
  union w2s_value *results;    /* W2S_MAX_RESULTS slots: second and further results of the last call */
  uint64_t epoch_deadline;     /* code with epochs stops once *epoch has come here; 0, from any thread: at once */
  int64_t fuel;                /* what code that counts may still do; below zero it stops */
  struct w2s_tail tail;
  struct w2s_exception *pending; /* thrown and not yet caught: every frame that may see it returns at once */
  struct w2s_exception *spare;   /* the pool */
  const uint64_t *epoch;         /* never NULL; read atomically */
  void (*crossing)(void);        /* what a stub is to call that sets the segment register */
  uint32_t segmented;            /* whether an instance of the store has a segment */
  uint32_t reserved_;
};

/* The fixed head of every instance's context. */
struct w2s_vm_head {
  uint32_t magic;
  uint32_t abi_version;
  struct w2s_store *store;
  const struct w2s_builtins *builtins; /* append-only table, libcalls.h */
  struct w2s_instance *instance;
  uint8_t *segment; /* what the segment register holds while the instance's code runs; NULL: anything */
};

/* An imported function, inline in the context. */
struct w2s_import_func {
  void (*code)(void);
  struct w2s_vm *vm;
};

/* What a host function returns. */
enum w2s_host_result {
  W2S_HOST_OK = 0,
  W2S_HOST_FAILED = 1, /* traps with W2S_TRAP_HOST, like any other number */
  W2S_HOST_THREW = 2   /* what w2s_host_throw returned */
};

/* A host function's context: what `vm` of its funcref points to. `call` gets arguments in `values` and leaves
 * results there, and returns an enum w2s_host_result. */
struct w2s_host_func {
  struct w2s_vm_head head; /* so that a store can be found from any `vm` */
  int32_t (*call)(struct w2s_host_func *self, union w2s_value *values);
  void *env;
  void (*finalize)(void *env); /* may be NULL; runs when the store is deleted */
  uint32_t type; /* canonical type id */
  uint32_t reserved_;
  struct w2s_funcref funcref;
  struct w2s_host_func *next;
};

/* ---- a module's metadata: one blob of fixed-size little-endian records, brought into the .so by .incbin --- */

/* A run of records in the blob: `offset` bytes from the blob's start, `n` records. */
struct w2s_range {
  uint32_t offset;
  uint32_t n;
};

/* A byte string in the blob's `strings` section (UTF-8, not terminated). */
struct w2s_str {
  uint32_t offset; /* from the start of the strings section */
  uint32_t bytes;
};

struct w2s_meta_type {
  uint32_t kind; /* 0x60 func, 0x5f struct, 0x5e array */
  uint32_t final_;
  int32_t super_; /* type index or -1 */
  uint32_t rec_start; /* first type index of its recursion group */
  uint32_t rec_n;
  uint32_t first; /* index into `valtypes`: params then results, or fields */
  uint32_t n_params;
  uint32_t n_results; /* for struct and array: number of fields */
};

struct w2s_meta_import {
  struct w2s_str module;
  struct w2s_str name;
  uint32_t kind;  /* enum w2s_extern_kind */
  uint32_t index; /* in its index space */
};

struct w2s_meta_export {
  struct w2s_str name;
  uint32_t kind;
  uint32_t index;
};

struct w2s_meta_func {
  uint32_t type;      /* type index */
  uint32_t vm_offset; /* imported: of its w2s_import_func in the context; else 0 */
  int32_t ref;        /* index of its funcref slot in the context (`escapes`), or -1 */
  uint32_t traits;    /* enum w2s_func_traits, of functions with a slot */
  uint32_t code_offset; /* of its body from the start of the wasm module; imported: 0 */
};

struct w2s_meta_memory {
  uint64_t min_pages;
  uint64_t max_pages;
  uint32_t page_log2;
  uint32_t vm_offset; /* imported or shared: of a pointer to w2s_memory; else of the w2s_memory itself */
  uint8_t imported;
  uint8_t has_max;
  uint8_t is64;
  uint8_t shared;
  uint8_t guarded;    /* the code relies on the reservation instead of checks */
  uint8_t has_image;
  uint16_t reserved_;
  uint64_t image_start; /* linear address of the image's first byte, page aligned */
  uint64_t image_bytes; /* whole host pages (4096) */
  uint64_t image_offset; /* from the start of the .so's image section, page aligned */
};

/* What is known of a function's body. */
enum w2s_func_traits {
  W2S_FUNC_SHORT = 1, /* no loop and no call: over within nanoseconds */
  W2S_FUNC_TOTAL = 2  /* and nothing in it traps */
};

/* A constant expression: `n` w2s_meta_const records from `first`, in execution order. */
struct w2s_expr {
  uint32_t first;
  uint32_t n;
};

/* One instruction of a constant expression. `op` is the opcode byte (0x41 i32.const, 0x23 global.get, 0xd0
 * ref.null, 0xd2 ref.func, 0x6a i32.add ...; 0xfdNNNN and 0xfbNNNN for prefixed ones). */
struct w2s_meta_const {
  uint32_t op;
  uint32_t index;   /* global, function or type index; heap type for ref.null as int32 */
  uint64_t value[2]; /* the constant's bits */
};

struct w2s_meta_table {
  struct w2s_valtype type; /* module type indices */
  uint64_t min_elems;
  uint64_t max_elems;
  uint32_t vm_offset; /* imported: of a pointer to w2s_table; own: of the w2s_table itself */
  uint8_t imported;
  uint8_t has_max;
  uint8_t is64;
  uint8_t reserved_;
  struct w2s_expr init; /* n == 0: null */
};

struct w2s_meta_global {
  struct w2s_valtype type; /* module type indices; mutable_ tells mutability */
  uint32_t vm_offset;      /* imported: of a pointer to the value; own: of the value itself */
  uint32_t imported;
  struct w2s_expr init;
};

struct w2s_meta_tag {
  uint32_t type;      /* type index */
  uint32_t vm_offset; /* imported: of a pointer to w2s_tag; own: of the w2s_tag itself */
};

enum w2s_segment_mode { W2S_SEGMENT_ACTIVE = 0, W2S_SEGMENT_PASSIVE = 1, W2S_SEGMENT_DECLARED = 2 };

struct w2s_meta_elem {
  struct w2s_valtype type; /* module type indices */
  uint32_t mode;
  uint32_t table;
  struct w2s_expr offset; /* active only */
  uint32_t is_exprs; /* 0: `items` is a run of int32 function indices (-1 null) in `words`; 1: of w2s_expr in `exprs` */
  uint32_t first;    /* index of the first item in `words` or `exprs` */
  uint32_t n_items;
  uint32_t reserved_;
};

struct w2s_meta_data {
  uint32_t mode;
  uint32_t memory;
  struct w2s_expr offset;    /* active only */
  uint64_t blob_offset;      /* of the bytes, in the .so's data section */
  uint64_t bytes;
  uint32_t in_image;         /* already part of the memory's image: nothing to copy */
  uint32_t reserved_;
};

/* A custom section of the module, kept for the host; name and contents lie in the strings section. */
struct w2s_meta_custom {
  struct w2s_str name;
  struct w2s_str contents; /* any bytes */
};

/* One row of the exported offsets table. */
struct w2s_layout_row {
  struct w2s_str name;
  uint32_t offset;
  uint32_t bytes; /* of one element */
  uint32_t n;     /* number of elements, 1 for a plain field */
};

/* What a module's code does besides computing. */
enum w2s_meta_flags {
  W2S_META_FUEL = 1,  /* counts fuel */
  W2S_META_EPOCHS = 2, /* looks at the epoch */
  W2S_META_COUNTERS = 4, /* counts what it executes, to train a compiler; loaded only if that is asked for */
  W2S_META_SEGMENT = 8   /* finds memory 0 through the segment register */
};

/* The blob begins with this. Ranges give byte offsets from the blob's start, each 16-byte aligned. */
struct w2s_meta {
  uint32_t magic;
  uint32_t abi_version;
  uint64_t meta_bytes;     /* whole blob */
  uint64_t data_bytes;     /* data section */
  uint64_t image_bytes;    /* image section */
  uint8_t abi_digest[32];    /* SHA-256 of abi.h and libcalls.h */
  uint8_t layout_digest[32]; /* SHA-256 of the layout rows */
  uint8_t wasm_digest[32];   /* SHA-256 of the module's bytes */
  uint32_t vm_bytes;       /* size of the context */
  int32_t start;           /* function index or -1 */
  uint32_t n_imported_funcs;
  uint32_t n_imported_tables;
  uint32_t n_imported_memories;
  uint32_t n_imported_globals;
  uint32_t n_imported_tags;
  uint32_t cpu_level;      /* x86-64-vN, 0 where it has no meaning */
  uint32_t refs_offset;    /* of the array of w2s_funcref in the context, one per entry of `escapes` */
  uint32_t data_dropped_offset; /* of one byte per data segment in the context: 1 = dropped */
  uint32_t elem_dropped_offset; /* likewise per element segment */
  uint32_t flags;          /* enum w2s_meta_flags */
  struct w2s_range strings;  /* bytes */
  struct w2s_range types;    /* w2s_meta_type */
  struct w2s_range valtypes; /* w2s_valtype */
  struct w2s_range imports;  /* w2s_meta_import */
  struct w2s_range exports;  /* w2s_meta_export */
  struct w2s_range funcs;    /* w2s_meta_func: the whole index space, imports first */
  struct w2s_range tables;   /* w2s_meta_table: likewise */
  struct w2s_range memories; /* w2s_meta_memory */
  struct w2s_range globals;  /* w2s_meta_global */
  struct w2s_range tags;     /* w2s_meta_tag: likewise */
  struct w2s_range elems;    /* w2s_meta_elem */
  struct w2s_range datas;    /* w2s_meta_data */
  struct w2s_range consts;   /* w2s_meta_const */
  struct w2s_range exprs;    /* w2s_expr */
  struct w2s_range words;    /* int32_t */
  struct w2s_range escapes;  /* uint32_t function index of each funcref slot */
  struct w2s_range layout;   /* w2s_layout_row */
  struct w2s_range customs;  /* w2s_meta_custom */
  struct w2s_range producer; /* bytes: "wasm2so x.y; compiler; flags", for people */
};

/* The one exported symbol of a .so: `w2s_module_descriptor`. */
struct w2s_descriptor {
  uint32_t magic;
  uint32_t abi_version;
  const struct w2s_meta *meta;
  const uint8_t *data;  /* bytes of data segments that are not in an image */
  const uint8_t *image; /* page aligned */
  void (*const *escapes)(void); /* code of each entry of meta->escapes; NULL for imported functions */
  /* per type index, NULL for types that are not functions: */
  void (*const *trampolines)(struct w2s_funcref *callee, union w2s_value *values); /* array call -> native */
  void (*const *host_stubs)(void); /* native -> w2s_host_func.call */
  uint32_t *type_ids; /* written once by the loader: type index -> canonical id */
  /* w2s_funcref.raw of each entry of meta->escapes, NULL for imported functions; NULL in all if the module is not a
   * catching one: it tests for no exception, so what it calls must never return with one. */
  void (*const *raws)(void);
};

#endif
