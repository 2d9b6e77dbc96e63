/* An interpreter of a stack machine: one switch in a loop, running a sieve and a recursion. */
#include "program.h"
enum { PUSH, LOAD, STORE, ADD, SUB, MUL, LESS, JUMP, JUMP_IF_NOT, LOAD_AT, STORE_AT, CALL, RETURN, DUP, HALT };
static int32_t stack[4096], memory[70000];
static int32_t run(const int32_t *code) {
  int32_t *sp = stack, pc = 0, frames[256], depth = 0;
  for (;;) {
    switch (code[pc++]) {
      case PUSH: *sp++ = code[pc++]; break;
      case LOAD: *sp++ = memory[code[pc++]]; break;
      case STORE: memory[code[pc++]] = *--sp; break;
      case ADD: sp--; sp[-1] += sp[0]; break;
      case SUB: sp--; sp[-1] -= sp[0]; break;
      case MUL: sp--; sp[-1] *= sp[0]; break;
      case LESS: sp--; sp[-1] = sp[-1] < sp[0]; break;
      case JUMP: pc = code[pc]; break;
      case JUMP_IF_NOT: pc = *--sp ? pc + 1 : code[pc]; break;
      case LOAD_AT: sp[-1] = memory[sp[-1]]; break;
      case STORE_AT: sp -= 2; memory[sp[1]] = sp[0]; break;
      case CALL: frames[depth++] = pc + 1; pc = code[pc]; break;
      case RETURN: pc = frames[--depth]; break;
      case DUP: *sp = sp[-1]; sp++; break;
      default: return sp[-1];
    }
  }
}
static int32_t sieve(int rounds) {
  int32_t count = 0;
  for (int round = 0; round < rounds; round++) {
    static const int32_t primes[] = {
        PUSH, 2, STORE, 0, PUSH, 0, STORE, 2,
        LOAD, 0, PUSH, 60000, LESS, JUMP_IF_NOT, 67,
        LOAD, 0, PUSH, 100, ADD, LOAD_AT, JUMP_IF_NOT, 25, JUMP, 58,
        /* 25 */ LOAD, 2, PUSH, 1, ADD, STORE, 2, LOAD, 0, STORE, 1,
        /* 36 */ LOAD, 1, PUSH, 60000, LESS, JUMP_IF_NOT, 58,
        PUSH, 1, LOAD, 1, PUSH, 100, ADD, STORE_AT, CALL, 70, JUMP, 36, HALT, HALT,
        HALT,
        /* 58 */ LOAD, 0, PUSH, 1, ADD, STORE, 0, JUMP, 8,
        /* 67 */ LOAD, 2, HALT,
        /* 70 */ LOAD, 1, LOAD, 0, ADD, STORE, 1, RETURN};
    memset(memory, 0, sizeof memory);
    count += run(primes);
  }
  return count;
}
int main(void) {

  const int32_t count = sieve(40);
  tell("switch_vm", hash_bytes(1469598103934665603u, &count, sizeof count));
  return 0;
}
