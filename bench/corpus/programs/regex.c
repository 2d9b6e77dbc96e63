/* A regular expression matcher by simulation of states (Thompson), over text. */
#include "program.h"
enum { MAX_STATES = 256, CHAR, ANY, SPLIT, JUMP, MATCH, CLASS };
struct state {
  int op, c, x, y;
  uint8_t set[32];
};
static struct state prog[MAX_STATES];
static int n_states;
static const char *pattern;
static int emit(int op, int c) {
  prog[n_states].op = op;
  prog[n_states].c = c;
  return n_states++;
}
static void alternatives(void);
static void shift(int at, int by) {
  for (int i = n_states - 1; i >= at; i--) {
    prog[i + by] = prog[i];
    if (prog[i + by].op == SPLIT || prog[i + by].op == JUMP) {
      if (prog[i + by].x >= at) prog[i + by].x += by;
      if (prog[i + by].y >= at) prog[i + by].y += by;
    }
  }
  n_states += by;
}
static void atom(void) {
  const int start = n_states;
  const char c = *pattern++;
  if (c == '(') {
    alternatives();
    pattern++;
  } else if (c == '[') {
    const int s = emit(CLASS, 0);
    memset(prog[s].set, 0, 32);
    while (*pattern != ']') {
      const uint8_t low = (uint8_t)pattern[0], high = pattern[1] == '-' ? (uint8_t)pattern[2] : low;
      for (int i = low; i <= high; i++) prog[s].set[i >> 3] |= (uint8_t)(1 << (i & 7));
      pattern += pattern[1] == '-' ? 3 : 1;
    }
    pattern++;
  } else {
    emit(c == '.' ? ANY : CHAR, (unsigned char)c);
  }
  if (*pattern == '*' || *pattern == '+' || *pattern == '?') {
    const char op = *pattern++;
    if (op == '+') {
      const int s = emit(SPLIT, 0);
      prog[s].x = start;
      prog[s].y = n_states;
    } else {
      shift(start, 1);
      prog[start].op = SPLIT;
      if (op == '*') {
        const int j = emit(JUMP, 0);
        prog[j].x = start;
      }
      prog[start].x = start + 1;
      prog[start].y = n_states;
    }
  }
}
static void alternatives(void) {
  const int start = n_states;
  while (*pattern && *pattern != '|' && *pattern != ')') atom();
  if (*pattern == '|') {
    pattern++;
    shift(start, 1);
    const int j = emit(JUMP, 0);
    prog[start].op = SPLIT;
    prog[start].x = start + 1;
    prog[start].y = n_states;
    alternatives();
    prog[j].x = n_states;
  }
}
static int list_a[MAX_STATES], list_b[MAX_STATES], mark[MAX_STATES], now;
static int follow(int *list, int n, int s) {
  int pending[MAX_STATES], depth = 0;
  pending[depth++] = s;
  while (depth) {
    s = pending[--depth];
    if (mark[s] == now) continue;
    mark[s] = now;
    if (prog[s].op == JUMP) {
      pending[depth++] = prog[s].x;
    } else if (prog[s].op == SPLIT) {
      pending[depth++] = prog[s].y;
      pending[depth++] = prog[s].x;
    } else {
      list[n++] = s;
    }
  }
  return n;
}
static int count(const char *text, size_t length) {
  int *here = list_a, *there = list_b, n = 0, found = 0;
  now = 0;
  memset(mark, 0, sizeof mark);
  for (size_t at = 0; at < length; at++) {
    const int c = (unsigned char)text[at];
    now++;
    int m = 0;
    n = follow(here, n, 0);
    now++;
    for (int i = 0; i < n; i++) {
      const struct state *s = &prog[here[i]];
      if (s->op == MATCH) {
        found++;
      } else if (s->op == ANY || (s->op == CHAR && s->c == c) || (s->op == CLASS && s->set[c >> 3] >> (c & 7) & 1)) {
        m = follow(there, m, here[i] + 1);
      }
    }
    int *const old = here;
    here = there;
    there = old;
    n = m;
  }
  return found;
}
static char text[3 << 18];
int main(void) {
  static const char *const patterns[] = {"(memory|module) of", "[a-f]+ [g-z]+;", "p(a|b)*g.s", "(t|q|l)[a-z]+ +is", "a.*z"};
  uint64_t hash = 1469598103934665603u;
  const size_t n = make_text(text, sizeof text, 21);
  for (size_t i = 0; i < 5; i++) {
    pattern = patterns[i];
    n_states = 0;
    alternatives();
    emit(MATCH, 0);
    const int found = count(text, n);
    hash = hash_bytes(hash, &found, sizeof found);
  }
  tell("regex", hash);
  return 0;
}
