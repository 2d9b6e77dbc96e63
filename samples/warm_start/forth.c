/* A small Forth. boot() compiles its library, written in Forth, which takes a while; run() then runs a line. */

typedef int cell;
enum { N_CELLS = 1 << 18, N_WORDS = 1 << 13, N_STACK = 256, N_LINE = 4096, N_BUCKETS = 1 << 12 };
enum { PUSH, CALL, JUMP, JUMP0, RETURN, ADD, SUB, MUL, DIV, MOD, DUP, DROP, SWAP, OVER, LESS, EQUAL, FETCH, STORE, N_OPS };

struct word {
  unsigned hash;
  cell code; /* where its code begins, or -1 - the instruction that it is */
  int next;  /* in its bucket, 0: none */
};

static cell memory[N_CELLS];
static struct word words[N_WORDS];
static int buckets[N_BUCKETS];
static cell stack[N_STACK], frames[N_STACK];
static int n_memory, n_words = 1, depth, here = N_CELLS / 2;
static char line[N_LINE];

static const char *const names[N_OPS] = {"", "", "", "", "", "+", "-", "*", "/", "mod", "dup", "drop", "swap", "over",
                                         "<", "=", "@", "!"};
static const char library[] =
    ": 2dup over over ; : negate 0 swap - ; : abs dup 0 < if negate then ; : max 2dup < if swap then drop ; "
    ": min 2dup < if drop else swap drop then ; : square dup * ; : 1+ 1 + ; : 1- 1 - ; "
    ": gcd begin dup while swap over mod repeat drop ; "
    ": factor 2 begin 2dup square < if drop drop 1 exit then 2dup mod if 1+ else swap drop exit then again ; "
    ": prime dup 2 < if drop 0 else factor 1 = then ; "
    "array sieve 20000 "
    ": fill-sieve 0 begin dup 20000 < while dup prime over sieve + ! 1+ repeat drop ; fill-sieve "
    ": count 0 swap begin dup while 1- dup sieve + @ if swap 1+ swap then repeat drop ; ";

static unsigned hash_of(const char *text, int n) {
  unsigned hash = 2166136261u;
  for (int i = 0; i < n; i++) hash = (hash ^ (unsigned char)text[i]) * 16777619u;
  return hash;
}

static int find(unsigned hash) {
  int at = buckets[hash % N_BUCKETS];
  while (at && words[at].hash != hash) at = words[at].next;
  return at;
}

static void define(unsigned hash, cell code) {
  if (n_words == N_WORDS) __builtin_trap();
  words[n_words] = (struct word){hash, code, buckets[hash % N_BUCKETS]};
  buckets[hash % N_BUCKETS] = n_words++;
}

static void emit(cell value) {
  if (n_memory == N_CELLS / 2) __builtin_trap();
  memory[n_memory++] = value;
}

static void push(cell value) {
  if (depth == N_STACK) __builtin_trap();
  stack[depth++] = value;
}

static cell pop(void) {
  if (depth == 0) __builtin_trap();
  return stack[--depth];
}

static cell *at(cell place) {
  if (place < 0 || place >= N_CELLS) __builtin_trap();
  return &memory[place];
}

static void operate(cell op) {
  cell b = pop();
  if (op == DROP) return;
  if (op == DUP) { push(b); push(b); return; }
  if (op == FETCH) { push(*at(b)); return; }
  cell a = pop();
  switch (op) {
    case ADD: push(a + b); break;
    case SUB: push(a - b); break;
    case MUL: push(a * b); break;
    case DIV: push(a / b); break;
    case MOD: push(a % b); break;
    case LESS: push(a < b); break;
    case EQUAL: push(a == b); break;
    case SWAP: push(b); push(a); break;
    case OVER: push(a); push(b); push(a); break;
    default: *at(b) = a; break;
  }
}

static void execute(cell code) {
  int n_frames = 0;
  for (;;) {
    cell op = *at(code++);
    switch (op) {
      case PUSH: push(*at(code++)); break;
      case CALL:
        if (n_frames == N_STACK) __builtin_trap();
        frames[n_frames++] = code + 1;
        code = *at(code);
        break;
      case JUMP: code = *at(code); break;
      case JUMP0: code = pop() ? code + 1 : *at(code); break;
      case RETURN:
        if (n_frames == 0) return;
        code = frames[--n_frames];
        break;
      default: operate(op); break;
    }
  }
}

static int is(const char *text, int n, const char *name) {
  int i = 0;
  while (i < n && name[i] == text[i]) i++;
  return i == n && name[i] == 0;
}

static cell marks[64];
static int n_marks;

static void jump(cell op, cell to) { emit(op); emit(to); }

/* Words that are not run but say how code goes on. */
static int structure(const char *text, int n) {
  if (is(text, n, "if")) { jump(JUMP0, 0); marks[n_marks++] = n_memory - 1; }
  else if (is(text, n, "else")) { jump(JUMP, 0); memory[marks[n_marks - 1]] = n_memory; marks[n_marks - 1] = n_memory - 1; }
  else if (is(text, n, "then")) { memory[marks[--n_marks]] = n_memory; }
  else if (is(text, n, "begin")) { marks[n_marks++] = n_memory; }
  else if (is(text, n, "while")) { jump(JUMP0, 0); marks[n_marks++] = n_memory - 1; }
  else if (is(text, n, "repeat")) { jump(JUMP, marks[n_marks - 2]); memory[marks[n_marks - 1]] = n_memory; n_marks -= 2; }
  else if (is(text, n, "again")) { jump(JUMP, marks[--n_marks]); }
  else if (is(text, n, "exit")) { emit(RETURN); }
  else return 0;
  return 1;
}

static void compile_one(const char *text, int n) {
  if (structure(text, n)) return;
  int word = find(hash_of(text, n));
  if (word && words[word].code < 0) {
    emit(-1 - words[word].code);
  } else if (word) {
    jump(CALL, words[word].code);
  } else {
    cell value = 0;
    for (int i = 0; i < n; i++) {
      if (text[i] < '0' || text[i] > '9') __builtin_trap();
      value = value * 10 + (text[i] - '0');
    }
    jump(PUSH, value);
  }
}

static const char *token(const char **from, const char *end, int *n) {
  while (*from < end && **from == ' ') ++*from;
  const char *start = *from;
  while (*from < end && **from != ' ') ++*from;
  *n = (int)(*from - start);
  return start;
}

static void interpret(const char *from, const char *end) {
  int n;
  for (const char *text = token(&from, end, &n); n; text = token(&from, end, &n)) {
    if (is(text, n, ":")) {
      text = token(&from, end, &n);
      define(hash_of(text, n), n_memory);
      for (text = token(&from, end, &n); n && !is(text, n, ";"); text = token(&from, end, &n)) compile_one(text, n);
      emit(RETURN);
    } else if (is(text, n, "array")) {
      text = token(&from, end, &n);
      define(hash_of(text, n), n_memory);
      jump(PUSH, here);
      emit(RETURN);
      text = token(&from, end, &n);
      while (n--) here += (*text++ - '0') * (n == 4 ? 10000 : n == 3 ? 1000 : n == 2 ? 100 : n == 1 ? 10 : 1);
    } else {
      int start = n_memory;
      compile_one(text, n);
      emit(RETURN);
      n_memory = start;
      execute(start);
    }
  }
}

__attribute__((export_name("boot"))) void boot(void) {
  for (int op = ADD; op < N_OPS; op++) {
    int n = 0;
    while (names[op][n]) n++;
    define(hash_of(names[op], n), -1 - op);
  }
  interpret(library, library + sizeof library - 1);
}

__attribute__((export_name("line"))) char *line_buffer(void) { return line; }

/* Run `n` bytes of the line; the result is what is on top of the stack. */
__attribute__((export_name("run"))) int run(int n) {
  interpret(line, line + n);
  return pop();
}
