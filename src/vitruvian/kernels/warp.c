#include "warp.h"

#if defined(__x86_64__) && defined(__GNUC__)

#include <immintrin.h>
#include <string.h>

#define TARGET __attribute__((target("avx2")))

enum { BITS = 5, STEPS = 1 << BITS, TOGETHER = 4, CACHE_LINE = 64 };

/* For each place of a row: which two by two pixels it mixes, and how much their columns and rows count.
 *
 * They are in the picture always. Where neighbours lie outside, those at the edge count for them, or nothing. */
typedef struct {
    int32_t offset[WARP_MOST_COLUMNS];
    int32_t across[WARP_MOST_COLUMNS], down[WARP_MOST_COLUMNS]; /* two weights of 16 bits */
} row;

/* Weights of the two pixels from `nearest` on, for what lies between `position` and the next. */
TARGET static inline int32_t weights(int position, int nearest, int fraction, int replicate)
{
    /* All bits or none, and no branches: so that eight are calculated at once. */
    int beyond = position - nearest, edge = -replicate;
    int here = -(beyond == 0), before = -(beyond < 0), behind = -(beyond > 0);
    int one_before = -(beyond == -1), one_behind = -(beyond == 1);
    int left = (here & (STEPS - fraction)) | (before & ((edge & STEPS) | (~edge & one_before & fraction)));
    int right = (here & fraction) | (behind & ((edge & STEPS) | (~edge & one_behind & (STEPS - fraction))));
    return left | right << 16;
}

TARGET static inline int between(int value, int most) { return value < 0 ? 0 : value > most ? most : value; }

/* The order of operations decides ties: pose specification, section 5, step 5. */
TARGET static void locate(const warp_job *job, int line, row *at)
{
    const double *m = job->to_image, to_integer = 6755399441055744.0; /* 1.5 * 2^52: the last bits are rounded */
    int32_t along_x[WARP_MOST_COLUMNS], along_y[WARP_MOST_COLUMNS]; /* in steps */
    for (int i = 0; i < job->columns; i++) {
        double step = STEPS / ((m[6] * i + m[7] * line) + m[8]);
        double x = ((m[0] * i + m[1] * line) + m[2]) * step + to_integer;
        double y = ((m[3] * i + m[4] * line) + m[5]) * step + to_integer;
        int64_t bits_x, bits_y;
        memcpy(&bits_x, &x, sizeof x);
        memcpy(&bits_y, &y, sizeof y);
        along_x[i] = (int32_t)bits_x, along_y[i] = (int32_t)bits_y;
    }
    int stride = 3 * job->width, replicate = job->replicate;
    for (int i = 0; i < job->columns; i++) {
        int x = along_x[i] >> BITS, y = along_y[i] >> BITS;
        int nearest_x = between(x, job->width - 2), nearest_y = between(y, job->height - 2);
        at->offset[i] = nearest_y * stride + 3 * nearest_x;
        at->across[i] = weights(x, nearest_x, along_x[i] & (STEPS - 1), replicate);
        at->down[i] = weights(y, nearest_y, along_y[i] & (STEPS - 1), replicate);
    }
}

/* Mix two by two pixels: of two rows six bytes each, in the lower half of a vector. */
TARGET static inline uint32_t mixed(__m128i above, __m128i below, int32_t across, int32_t down)
{
    const __m128i pairs = _mm_setr_epi8(0, -1, 3, -1, 1, -1, 4, -1, 2, -1, 5, -1, -1, -1, -1, -1);
    const __m128i lowest = _mm_setr_epi8(0, 4, 8, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1);
    __m128i columns = _mm_set1_epi32(across);
    above = _mm_madd_epi16(_mm_shuffle_epi8(above, pairs), columns);
    below = _mm_madd_epi16(_mm_shuffle_epi8(below, pairs), columns);
    __m128i both = _mm_or_si128(above, _mm_slli_epi32(below, 16)); /* 13 bits each */
    __m128i sum = _mm_madd_epi16(both, _mm_set1_epi32(down));
    sum = _mm_srli_epi32(_mm_add_epi32(sum, _mm_set1_epi32(1 << (2 * BITS - 1))), 2 * BITS);
    return (uint32_t)_mm_cvtsi128_si32(_mm_shuffle_epi8(sum, lowest));
}

TARGET static void sample(const warp_job *job, const row *at, uint8_t *out)
{
    int stride = 3 * job->width, last = job->columns - 1;
    /* Eight bytes are read where six are needed; at the end of the picture there are no more. */
    const uint8_t *end = job->pixels + (int64_t)job->height * stride - 8;
    for (int i = 0; i <= last; i++, out += 3) {
        const uint8_t *p = job->pixels + at->offset[i], *q = p + stride;
        __m128i above = _mm_loadl_epi64((const __m128i *)p);
        __m128i below = q <= end ? _mm_loadl_epi64((const __m128i *)q)
                                 : _mm_srli_epi64(_mm_loadl_epi64((const __m128i *)(q - 2)), 16);
        uint32_t result = mixed(above, below, at->across[i], at->down[i]);
        memcpy(out, &result, i < last ? 4 : 3); /* the fourth byte is the next pixel's, which follows */
    }
}

/* Read one byte of each cache line, in the order in which they lie in memory: sampling reads them in its own
 * order, which no prefetcher foresees. Of a picture that is not in the cache, both take half the time of one. */
static void fetch(warp_job *job, int thread)
{
    enum { PIECE = 16 };
    int pieces = (job->bottom - job->top + PIECE - 1) / PIECE;
    for (int piece; (piece = pool_take(&job->fetched, pieces, thread)) >= 0;) {
        int first = job->top + piece * PIECE, end = first + PIECE < job->bottom ? first + PIECE : job->bottom;
        for (int y = first; y < end; y++)
            for (int at = job->left; at < job->right; at += CACHE_LINE)
                (void)*(const volatile uint8_t *)(job->pixels + (int64_t)y * job->width * 3 + at);
    }
}

int warp_supported(void) { return __builtin_cpu_supports("avx2"); }

void warp_run(void *of_job, int thread)
{
    warp_job *job = of_job;
    int pieces = (job->rows + TOGETHER - 1) / TOGETHER;
    row at;
    fetch(job, thread);
    for (int piece; (piece = pool_take(&job->drawn, pieces, thread)) >= 0;)
        for (int line = piece * TOGETHER; line < (piece + 1) * TOGETHER && line < job->rows; line++) {
            locate(job, line, &at);
            sample(job, &at, job->out + (int64_t)line * job->columns * 3);
        }
}

#else

int warp_supported(void) { return 0; }
void warp_run(void *of_job, int thread) { (void)of_job, (void)thread; }

#endif
