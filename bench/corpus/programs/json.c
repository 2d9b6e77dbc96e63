/* A JSON parser that builds a tree, and a writer that walks it. */
#include "program.h"
enum kind { NUL, FALSE, TRUE, NUMBER, STRING, ARRAY, OBJECT };
struct value {
  enum kind kind;
  double number;
  char *text;
  size_t length;
  struct value *first, *next;
  char *key;
};
static char arena[48 << 20];
static size_t used;
static void *get(size_t n) {
  void *p = arena + used;
  used += (n + 15) & ~(size_t)15;
  if (used > sizeof arena) abort();
  return p;
}
static const char *at;
static void space(void) {
  while (*at == ' ' || *at == '\n' || *at == '\t' || *at == '\r') at++;
}
static char *string(size_t *length) {
  const char *end = ++at;
  while (*end != '"') end += *end == '\\' ? 2 : 1;
  char *out = get((size_t)(end - at) + 1), *to = out;
  while (at < end) {
    if (*at == '\\') {
      at++;
      *to++ = *at == 'n' ? '\n' : *at == 't' ? '\t' : *at;
      at++;
    } else {
      *to++ = *at++;
    }
  }
  *to = 0;
  *length = (size_t)(to - out);
  at++;
  return out;
}
static double number(void) {
  double sign = 1, out = 0, scale = 1;
  if (*at == '-') {
    sign = -1;
    at++;
  }
  while (*at >= '0' && *at <= '9') out = out * 10 + (*at++ - '0');
  if (*at == '.') {
    at++;
    while (*at >= '0' && *at <= '9') {
      out = out * 10 + (*at++ - '0');
      scale *= 10;
    }
  }
  return sign * out / scale;
}
static struct value *parse(void) {
  struct value *value = get(sizeof *value);
  memset(value, 0, sizeof *value);
  space();
  switch (*at) {
    case '"':
      value->kind = STRING;
      value->text = string(&value->length);
      break;
    case 't': value->kind = TRUE; at += 4; break;
    case 'f': value->kind = FALSE; at += 5; break;
    case 'n': value->kind = NUL; at += 4; break;
    case '[':
    case '{': {
      const int is_object = *at == '{';
      struct value **last = &value->first;
      value->kind = is_object ? OBJECT : ARRAY;
      at++;
      space();
      while (*at != ']' && *at != '}') {
        char *key = NULL;
        size_t length;
        if (is_object) {
          space();
          key = string(&length);
          space();
          at++;
        }
        *last = parse();
        (*last)->key = key;
        last = &(*last)->next;
        space();
        if (*at == ',') at++;
        space();
      }
      at++;
      break;
    }
    default: value->kind = NUMBER; value->number = number();
  }
  return value;
}
static uint64_t walk(const struct value *value, uint64_t hash) {
  hash = hash_bytes(hash, &value->kind, 4);
  if (value->key) hash = hash_bytes(hash, value->key, strlen(value->key));
  if (value->kind == STRING) hash = hash_bytes(hash, value->text, value->length);
  if (value->kind == NUMBER) hash = hash_bytes(hash, &value->number, 8);
  for (const struct value *child = value->first; child; child = child->next) hash = walk(child, hash);
  return hash;
}
static char text[4 << 20];
int main(void) {
  uint32_t seed = 7;
  size_t n = 0;
  text[n++] = '[';
  while (n < sizeof text - 1000) {
    uint32_t drawn[6]; /* one by one, since compilers evaluate arguments in different orders */
    for (int i = 0; i < 6; i++) drawn[i] = next_random(&seed);
    n += (size_t)snprintf(text + n, 900,
                          "%s{\"id\": %u, \"name\": \"item \\\"%u\\\"\", \"tags\": [\"a\", \"bc\", \"def\\n\"], \"price\": "
                          "%u.%02u, \"left\": %s, \"more\": {\"x\": -%u, \"y\": null, \"z\": [1, 2, [3, [4]]]}}",
                          n > 1 ? ",\n  " : "", drawn[0] % 100000, drawn[1] % 1000, drawn[2] % 1000, drawn[3] % 100,
                          drawn[4] & 1 ? "true" : "false", drawn[5] % 500);
  }
  text[n++] = ']';
  text[n] = 0;
  uint64_t hash = 1469598103934665603u;
  for (int round = 0; round < 6; round++) {
    used = 0;
    at = text;
    hash = walk(parse(), hash);
  }
  tell("json", hash);
  return 0;
}
