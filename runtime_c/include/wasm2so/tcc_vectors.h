/* Included by simd.h where the compiler is tcc; the build then takes another one. */
#error vectors, which tcc lacks
