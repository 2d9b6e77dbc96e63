/* A data-heavy module: 512 KiB of tables that every instance shares until it writes to them. */
#define EXPORT(name) __attribute__((export_name(name)))

typedef unsigned int u32;

static unsigned char composite[1 << 19] = {
#embed "composite.bin"
};

/* Is n (below 2^22) a prime? One bit a number. */
EXPORT("is_prime") u32 is_prime(u32 n) { return n < (1u << 22) && !(composite[n >> 3] >> (n & 7) & 1); }

/* Forget a prime: writes to this instance's own copy of one page. */
EXPORT("strike") void strike(u32 n) {
  if (n < (1u << 22)) composite[n >> 3] |= (unsigned char)(1u << (n & 7));
}

EXPORT("count") u32 count(u32 from, u32 to) {
  u32 found = 0;
  for (u32 n = from; n < to; n++) found += is_prime(n);
  return found;
}
