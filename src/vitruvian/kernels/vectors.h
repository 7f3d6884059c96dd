/* Vectors of sixteen numbers (AVX-512), for what is compiled between VECTORS_BEGIN and VECTORS_END. */
#ifndef VITRUVIAN_VECTORS_H
#define VITRUVIAN_VECTORS_H

#if defined(__x86_64__) && defined(__GNUC__)
#define VECTORS

#include <immintrin.h>

#ifdef __clang__
#define VECTORS_BEGIN \
    _Pragma("clang attribute push(__attribute__((target(\"avx512f,fma\"))), apply_to = function)")
#define VECTORS_END _Pragma("clang attribute pop")
#else
#define VECTORS_BEGIN _Pragma("GCC push_options") _Pragma("GCC target(\"avx512f,fma\")")
#define VECTORS_END _Pragma("GCC pop_options")
#endif

#define INLINE static inline __attribute__((always_inline, unused))
#define UNROLL _Pragma("GCC unroll 32")
/* Keeps a compiler from calculating all addresses of an unrolled loop beforehand: there are too few registers. */
#define HERE(pointer) __asm__("" : "+r"(pointer))

enum { LANES = 16 };
typedef __m512 vec;
typedef __m512i ivec;

VECTORS_BEGIN

INLINE vec load(const float *from) { return _mm512_loadu_ps(from); }
/* Sixteen numbers of 16 bits. */
INLINE vec load_halves(const void *from) { return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)from)); }
INLINE void store(float *to, vec v) { _mm512_storeu_ps(to, v); }
INLINE void store_some(float *to, vec v, __mmask16 lanes) { _mm512_mask_storeu_ps(to, lanes, v); }
INLINE vec all(float x) { return _mm512_set1_ps(x); }
INLINE vec add(vec a, vec b) { return _mm512_add_ps(a, b); }
INLINE vec times(vec a, vec b) { return _mm512_mul_ps(a, b); }
INLINE vec madd(vec a, vec b, vec c) { return _mm512_fmadd_ps(a, b, c); }
INLINE vec lower(vec a, vec b) { return _mm512_min_ps(a, b); }
INLINE vec higher(vec a, vec b) { return _mm512_max_ps(a, b); }
INLINE vec only(vec v, __mmask16 lanes) { return _mm512_maskz_mov_ps(lanes, v); }
INLINE vec within(vec v, float low, float high) { return lower(higher(v, all(low)), all(high)); }

/* The first lanes, as many as there are: none, some or all. */
INLINE __mmask16 first_lanes(int count) { return count <= 0 ? 0 : count >= LANES ? 0xffff : (1u << count) - 1; }

INLINE ivec lane_numbers(void) { return _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15); }

/* Lanes first, first + by, ... of two vectors one behind the other. */
INLINE vec pick(vec a, vec b, int first, int by)
{
    ivec lanes = _mm512_add_epi32(_mm512_mullo_epi32(lane_numbers(), _mm512_set1_epi32(by)), _mm512_set1_epi32(first));
    return _mm512_permutex2var_ps(a, lanes, b);
}

/* Sixteen bytes as numbers. */
INLINE vec numbers_of(const void *bytes)
{
    return _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)bytes)));
}

VECTORS_END

/* Whether this processor has them. */
static inline int vectors_supported(void)
{
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("fma");
}

#else

static inline int vectors_supported(void) { return 0; }

#endif
#endif
