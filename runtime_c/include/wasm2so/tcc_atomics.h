/* Included by atomic.h where the compiler is tcc; the build then takes another one. */
#error atomic operations, which tcc lacks
