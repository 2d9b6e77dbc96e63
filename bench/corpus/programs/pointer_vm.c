/* An interpreter of a register machine whose instructions are function pointers. */
#include "program.h"
struct machine;
typedef void (*handler)(struct machine *, uint32_t);
struct op {
  handler run;
  uint32_t arg;
};
struct machine {
  int64_t r[8];
  uint32_t pc, steps;
  const struct op *code;
};
#define A (arg & 7)
#define B (arg >> 3 & 7)
#define C (arg >> 6 & 7)
static void op_add(struct machine *m, uint32_t arg) { m->r[A] = m->r[B] + m->r[C]; }
static void op_sub(struct machine *m, uint32_t arg) { m->r[A] = m->r[B] - m->r[C]; }
static void op_mul(struct machine *m, uint32_t arg) { m->r[A] = m->r[B] * m->r[C]; }
static void op_xor(struct machine *m, uint32_t arg) { m->r[A] = m->r[B] ^ m->r[C]; }
static void op_shift(struct machine *m, uint32_t arg) { m->r[A] = (int64_t)((uint64_t)m->r[B] >> (m->r[C] & 31)); }
static void op_set(struct machine *m, uint32_t arg) { m->r[A] = arg >> 3; }
static void op_loop(struct machine *m, uint32_t arg) {
  if (--m->r[A] > 0) m->pc = arg >> 3;
}
static void op_skip(struct machine *m, uint32_t arg) { m->pc += m->r[A] & 1; }
static void op_halt(struct machine *m, uint32_t arg) { m->steps = 0; (void)arg; }
#define R3(a, b, c) ((a) | (b) << 3 | (c) << 6)
static const struct op code[] = {
    {op_set, 0 | 1 << 3}, {op_set, 1 | 77777 << 3}, {op_set, 2 | 3 << 3}, {op_set, 7 | 400000 << 3},
    {op_add, R3(0, 0, 1)}, {op_mul, R3(3, 0, 2)}, {op_xor, R3(0, 0, 3)}, {op_skip, 0}, {op_sub, R3(1, 1, 2)},
    {op_shift, R3(4, 3, 2)}, {op_add, R3(0, 0, 4)}, {op_loop, 7 | 4 << 3}, {op_halt, 0}};
int main(void) {
  uint64_t hash = 1469598103934665603u;
  for (int round = 0; round < 10; round++) {
    struct machine m = {.r = {round}, .pc = 0, .steps = UINT32_MAX, .code = code};
    while (m.steps) {
      const struct op *op = &m.code[m.pc++];
      m.steps--;
      op->run(&m, op->arg);
    }
    hash = hash_bytes(hash, m.r, sizeof m.r);
  }
  tell("pointer_vm", hash);
  return 0;
}
