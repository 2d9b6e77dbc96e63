/* A small text library without a libc: the caller writes text into linear memory and reads results from it. */
#define EXPORT(name) __attribute__((export_name(name)))

typedef unsigned char byte;
typedef unsigned int u32;

struct stats {
  u32 lines;
  u32 words;
  u32 longest; /* bytes of the longest word */
  u32 letters[26];
};

static byte buffer[1 << 16];
static struct stats result;

/* Where the caller puts its text, and how much fits. */
EXPORT("buffer") byte *get_buffer(void) { return buffer; }
EXPORT("buffer_bytes") u32 get_buffer_bytes(void) { return sizeof buffer; }

static int is_letter(byte c) { return (c | 32) >= 'a' && (c | 32) <= 'z'; }

/* Count lines, words and letters of the first n bytes; returns the address of a struct stats, 0 if n is too large. */
EXPORT("analyse") struct stats *analyse(u32 n) {
  u32 length = 0;
  if (n > sizeof buffer) return 0;
  result = (struct stats){0};
  for (u32 i = 0; i < n; i++) {
    byte c = buffer[i];
    if (c == '\n') result.lines++;
    if (is_letter(c)) {
      result.letters[(c | 32) - 'a']++;
      if (length++ == 0) result.words++;
      if (length > result.longest) result.longest = length;
    } else {
      length = 0;
    }
  }
  return &result;
}

/* Replace every letter of the first n bytes by the one 13 places on. */
EXPORT("rot13") void rot13(u32 n) {
  for (u32 i = 0; i < n && i < sizeof buffer; i++) {
    byte c = buffer[i];
    if (is_letter(c)) buffer[i] = (c & 32) | ('A' + ((c & ~32) - 'A' + 13) % 26);
  }
}
