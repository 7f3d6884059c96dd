#include "warp.h"

#if defined(__x86_64__) && defined(__GNUC__)

#include <immintrin.h>
#include <string.h>

#define TARGET __attribute__((target("avx2")))

enum { BITS = 5, STEPS = 1 << BITS, TOGETHER = 4, CACHE_LINE = 64 };

/* For each place of a row: where the picture is sampled, and how much each of four neighbours counts. */
typedef struct {
    int32_t x[WARP_MOST_COLUMNS], y[WARP_MOST_COLUMNS];
    int32_t offset[WARP_MOST_COLUMNS];
    int32_t across[WARP_MOST_COLUMNS], down[WARP_MOST_COLUMNS]; /* weights of both, 16 bits each */
    int inside;                                                 /* whether all neighbours are in the picture */
} row;

/* The order of operations decides ties: pose specification, section 5, step 5. */
TARGET static void locate(const warp_job *job, int line, row *at)
{
    const double *m = job->to_image, to_integer = 6755399441055744.0; /* 1.5 * 2^52: the last bits are rounded */
    for (int i = 0; i < job->columns; i++) {
        double step = STEPS / ((m[6] * i + m[7] * line) + m[8]);
        double x = ((m[0] * i + m[1] * line) + m[2]) * step + to_integer;
        double y = ((m[3] * i + m[4] * line) + m[5]) * step + to_integer;
        int64_t bits_x, bits_y;
        memcpy(&bits_x, &x, sizeof x);
        memcpy(&bits_y, &y, sizeof y);
        at->x[i] = (int32_t)bits_x, at->y[i] = (int32_t)bits_y;
    }
    int stride = 3 * job->width, right = job->width - 2, bottom = job->height - 1, outside = 0;
    for (int i = 0; i < job->columns; i++) {
        int x = at->x[i] >> BITS, y = at->y[i] >> BITS, fx = at->x[i] & (STEPS - 1), fy = at->y[i] & (STEPS - 1);
        at->x[i] = x, at->y[i] = y;
        at->offset[i] = y * stride + 3 * x;
        at->across[i] = (STEPS - fx) | fx << 16, at->down[i] = (STEPS - fy) | fy << 16;
        /* Eight bytes are read of each row: one pixel more than is needed. */
        outside |= (x < 0) | (y < 0) | (x >= right) | (y >= bottom);
    }
    at->inside = !outside;
}

/* Mix four neighbours: of two rows six bytes each, in the lower half of a vector. */
TARGET static inline uint32_t mixed(__m128i above, __m128i below, int32_t across, int32_t down)
{
    const __m128i pairs = _mm_setr_epi8(0, -1, 3, -1, 1, -1, 4, -1, 2, -1, 5, -1, -1, -1, -1, -1);
    const __m128i lowest = _mm_setr_epi8(0, 4, 8, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1);
    __m128i weights = _mm_set1_epi32(across);
    above = _mm_madd_epi16(_mm_shuffle_epi8(above, pairs), weights);
    below = _mm_madd_epi16(_mm_shuffle_epi8(below, pairs), weights);
    __m128i both = _mm_or_si128(above, _mm_slli_epi32(below, 16)); /* 13 bits each */
    __m128i sum = _mm_madd_epi16(both, _mm_set1_epi32(down));
    sum = _mm_srli_epi32(_mm_add_epi32(sum, _mm_set1_epi32(1 << (2 * BITS - 1))), 2 * BITS);
    return (uint32_t)_mm_cvtsi128_si32(_mm_shuffle_epi8(sum, lowest));
}

static uint64_t pixel(const warp_job *job, int x, int y)
{
    if (job->replicate) {
        x = x < 0 ? 0 : x < job->width ? x : job->width - 1;
        y = y < 0 ? 0 : y < job->height ? y : job->height - 1;
    } else if (x < 0 || y < 0 || x >= job->width || y >= job->height)
        return 0;
    const uint8_t *p = job->pixels + ((int64_t)y * job->width + x) * 3;
    return p[0] | p[1] << 8 | p[2] << 16;
}

TARGET static void sample(const warp_job *job, const row *at, uint8_t *out)
{
    int stride = 3 * job->width, last = job->columns - 1;
    for (int i = 0; i <= last; i++, out += 3) {
        int x = at->x[i], y = at->y[i];
        __m128i above, below;
        if (at->inside) {
            const uint8_t *p = job->pixels + at->offset[i];
            above = _mm_loadl_epi64((const __m128i *)p), below = _mm_loadl_epi64((const __m128i *)(p + stride));
        } else {
            above = _mm_cvtsi64_si128((int64_t)(pixel(job, x, y) | pixel(job, x + 1, y) << 24));
            below = _mm_cvtsi64_si128((int64_t)(pixel(job, x, y + 1) | pixel(job, x + 1, y + 1) << 24));
        }
        uint32_t result = mixed(above, below, at->across[i], at->down[i]);
        memcpy(out, &result, i < last ? 4 : 3); /* the fourth byte is the next pixel's, which follows */
    }
}

/* Read one byte of each cache line, in the order in which they lie in memory: sampling reads them in its own
 * order, which no prefetcher foresees. Of a picture that is not in the cache, both take half the time of one. */
static void fetch(warp_job *job)
{
    enum { PIECE = 16 };
    for (int piece; (piece = atomic_fetch_add(&job->fetched, 1)) * PIECE < job->bottom - job->top;) {
        int first = job->top + piece * PIECE, end = first + PIECE < job->bottom ? first + PIECE : job->bottom;
        for (int y = first; y < end; y++)
            for (int at = job->left; at < job->right; at += CACHE_LINE)
                (void)*(const volatile uint8_t *)(job->pixels + (int64_t)y * job->width * 3 + at);
    }
}

int warp_supported(void) { return __builtin_cpu_supports("avx2"); }

void warp_run(void *of_job)
{
    warp_job *job = of_job;
    row rows[TOGETHER];
    fetch(job);
    for (int top; (top = TOGETHER * atomic_fetch_add(&job->next, 1)) < job->rows;) {
        int count = job->rows - top < TOGETHER ? job->rows - top : TOGETHER;
        for (int j = 0; j < count; j++)
            locate(job, top + j, rows + j);
        for (int j = 0; j < count; j++)
            sample(job, rows + j, job->out + (int64_t)(top + j) * job->columns * 3);
    }
}

#else

int warp_supported(void) { return 0; }
void warp_run(void *of_job) { (void)of_job; }

#endif
