#include "stem.h"

#include "pixels.h"

#ifdef VECTORS

#include <string.h>

enum { WINDOW = 3, TAPS = WINDOW * WINDOW, COLOURS = 3, SEEN = COLOURS * TAPS, ACROSS = 4 };
enum { PAIR = 2, PIXEL_ROWS = 8, FEW_ROWS = 4, NEW_ROWS = 3 };
/* A row of a plane that windows see begins behind zeros, and ends before some. */
enum { ROOM = STEM_WIDEST + 2 * LANES, HALF = STEM_WIDEST / 2 + 2 * LANES };

/* The rows that are needed at a time. Row y lies at y modulo their number. */
typedef struct {
    colours pixels[PIXEL_ROWS];
    float wide[FEW_ROWS][STEM_MOST][ROOM];    /* what the first convolution makes of them */
    float narrow[FEW_ROWS][STEM_MOST][ROOM];  /* behind the first 1x1 convolution */
    float halves[WINDOW][STEM_MOST][2][HALF]; /* behind the second one: even columns, odd columns */
    float filtered[PAIR][STEM_MOST][ROOM];    /* behind a depthwise convolution */
} rows;

int64_t stem_scratch(void) { return (sizeof(rows) / sizeof(float) + LANES - 1) / LANES * LANES; }

typedef struct {
    const dense_network *network;
    const layer *first, *narrowing, *widening, *last;
    rows *rows;
    stem_rows *next;
} running;

VECTORS_BEGIN

/* Call a function for up to four vectors of a row at a time, from place x on; how many is its last argument. */
#define EACH_BLOCK(width, function, ...)                                                                             \
    for (int x = 0, left = ((width) + LANES - 1) / LANES; left > 0; x += ACROSS * LANES, left -= ACROSS)             \
        switch (left) {                                                                                              \
        case 1: function(__VA_ARGS__, 1); break;                                                                     \
        case 2: function(__VA_ARGS__, 2); break;                                                                     \
        case 3: function(__VA_ARGS__, 3); break;                                                                     \
        default: function(__VA_ARGS__, ACROSS);                                                                      \
        }

/* ---- sums over inputs that are rows, of some filters and up to four vectors of places ---- */

enum shape { PLANES, HALVES, CHANNELS_LAST };

/* Four numbers of each of sixteen places. */
INLINE void store_places(float *to, int channels, int places, const vec *sum)
{
    __m512 low = _mm512_unpacklo_ps(sum[0], sum[1]), high = _mm512_unpackhi_ps(sum[0], sum[1]);
    __m512 low_2 = _mm512_unpacklo_ps(sum[2], sum[3]), high_2 = _mm512_unpackhi_ps(sum[2], sum[3]);
#define PAIRS(which, a, b) _mm512_castpd_ps(_mm512_unpack##which##_pd(_mm512_castps_pd(a), _mm512_castps_pd(b)))
    vec every[4] = {PAIRS(lo, low, low_2), PAIRS(hi, low, low_2), PAIRS(lo, high, high_2), PAIRS(hi, high, high_2)};
#undef PAIRS
#define QUARTER(i)                                                                                                   \
    UNROLL for (int j = 0; j < 4; j++) if (4 * i + j < places)                                                       \
        _mm_storeu_ps(to + (4 * i + j) * channels, _mm512_extractf32x4_ps(every[j], i));
    QUARTER(0) QUARTER(1) QUARTER(2) QUARTER(3)
#undef QUARTER
}

INLINE void mix_block(const dense_network *n, const layer *l, const float *const *seen, int depth, int filter, int x,
                      float *out, const enum shape shape, const int across)
{
    const float *weights = n->constants + l->weights + (int64_t)filter * depth;
    const float *bias = n->constants + l->bias + filter;
    vec sum[ACROSS][STEM_FILTERS];
    UNROLL for (int i = 0; i < across; i++)
        UNROLL for (int f = 0; f < STEM_FILTERS; f++) sum[i][f] = all(bias[f]);
    for (int d = 0; d < depth; d++, weights += STEM_FILTERS) {
        const float *from = seen[d] + x;
        vec v[ACROSS];
        UNROLL for (int i = 0; i < across; i++) v[i] = load(from + i * LANES);
        UNROLL for (int f = 0; f < STEM_FILTERS; f++)
            UNROLL for (int i = 0; i < across; i++) sum[i][f] = madd(v[i], all(weights[f]), sum[i][f]);
    }
    UNROLL for (int i = 0; i < across; i++)
        UNROLL for (int f = 0; f < STEM_FILTERS; f++) sum[i][f] = within(sum[i][f], l->low, l->high);
    if (shape == PLANES)
        UNROLL for (int i = 0; i < across; i++)
            UNROLL for (int f = 0; f < STEM_FILTERS; f++)
                store(out + (filter + f) * ROOM + x + i * LANES, sum[i][f]);
    if (shape == HALVES)
        UNROLL for (int i = 0; i < across; i += 2)
            UNROLL for (int f = 0; f < STEM_FILTERS; f++) {
                vec next = i + 1 < across ? sum[i + 1][f] : all(0);
                float *even = out + 2 * (filter + f) * HALF + (x + i * LANES) / 2;
                store(even, pick(sum[i][f], next, 0, 2));
                store(even + HALF, pick(sum[i][f], next, 1, 2));
            }
    if (shape == CHANNELS_LAST)
        UNROLL for (int i = 0; i < across; i++) {
            int place = x + i * LANES, channels = l->out_channels;
            store_places(out + (int64_t)place * channels + filter, channels, l->out_width - place, sum[i]);
        }
}

/* A row of some filters: of planes, or of the halves of planes, or of channels, as `dense.h` has them. */
INLINE void mix_row(const dense_network *n, const layer *l, const float *const *seen, int depth, int filter,
                    float *out, const enum shape shape)
{
    EACH_BLOCK(l->out_width, mix_block, n, l, seen, depth, filter, x, out, shape)
}

/* ---- one or two rows of a depthwise convolution ---- */

/* What the columns of a window see: of one plane, or of its even and odd columns, which of them first. */
enum columns { BESIDE, EVEN_FIRST, ODD_FIRST };

INLINE vec before(vec left, vec v)
{
    ivec lanes = _mm512_alignr_epi32(_mm512_castps_si512(v), _mm512_castps_si512(left), LANES - 1);
    return _mm512_castsi512_ps(lanes);
}

INLINE vec behind(vec v, vec right)
{
    return _mm512_castsi512_ps(_mm512_alignr_epi32(_mm512_castps_si512(right), _mm512_castps_si512(v), 1));
}

/* Of vectors that are loaded whole: one that lies across two cache lines takes as long as four. */
INLINE void see(const float *from, int i, const enum columns columns, vec *seen)
{
    const float *here = from + i * LANES, *odd = here + HALF;
    if (columns == BESIDE) {
        seen[1] = load(here);
        seen[0] = before(load(here - LANES), seen[1]), seen[2] = behind(seen[1], load(here + LANES));
    } else if (columns == EVEN_FIRST) {
        seen[0] = load(here), seen[1] = load(odd);
        seen[2] = behind(seen[0], load(here + LANES));
    } else {
        seen[1] = load(here), seen[2] = load(odd);
        seen[0] = before(load(odd - LANES), seen[2]);
    }
}

INLINE void filter_block(const float *const *lines, int64_t at, const vec *weights, vec bias, vec low, vec high,
                         float *out, const enum columns columns, const int count, const int across)
{
    vec sum[PAIR][ACROSS];
    UNROLL for (int y = 0; y < count; y++)
        UNROLL for (int i = 0; i < across; i++) sum[y][i] = bias;
    UNROLL for (int line = 0; line < WINDOW + count - 1; line++)
        UNROLL for (int i = 0; i < across; i++) {
            vec seen[WINDOW];
            see(lines[line] + at, i, columns, seen);
            UNROLL for (int y = 0; y < count; y++)
                UNROLL for (int t = 0; t < WINDOW; t++)
                    if (line >= y && line - y < WINDOW)
                        sum[y][i] = madd(seen[t], weights[(line - y) * WINDOW + t], sum[y][i]);
        }
    UNROLL for (int y = 0; y < count; y++)
        UNROLL for (int i = 0; i < across; i++)
            store(out + y * STEM_MOST * ROOM + i * LANES, lower(higher(sum[y][i], low), high));
}

/* Of STEM_FILTERS planes. `lines` are those of the first plane of all: what the first row sees, and one more for the
 * second one. */
INLINE void filter_rows(const running *r, const layer *l, const float *const *lines, int64_t plane, int filter,
                        const enum columns columns, const int count)
{
    const float *weights_of = r->network->constants + l->filter, *bias = r->network->constants + l->filter_bias;
    vec low = all(l->filter_low), high = all(l->filter_high);
    for (int c = filter; c < filter + STEM_FILTERS && c < l->used; c++) {
        vec weights[TAPS];
        UNROLL for (int t = 0; t < TAPS; t++) weights[t] = all(weights_of[t * l->in_channels + c]);
        EACH_BLOCK(l->out_width, filter_block, lines, c * plane + x, weights, all(bias[c]), low, high,
                   r->rows->filtered[0][c] + x, columns, count)
    }
}

/* ---- which rows are needed ---- */

/* Where among so many a row lies; -3 is the first that is asked for. */
INLINE int slot(int row, int count) { return (row + count) % count; }

static void take_pixels(running *r, int end)
{
    const layer *l = r->first;
    for (int y; (y = r->next->pixels) < end; r->next->pixels++) {
        colours *line = r->rows->pixels + slot(y, PIXEL_ROWS);
        if (y < 0 || y >= l->in_height)
            memset(line, 0, sizeof *line);
        else
            take_apart(r->network->pixels + (int64_t)y * l->in_width * 3, l->in_width, l->pad, l->scale, l->shift,
                       *line);
    }
}

/* The first two convolutions, of a few filters at a time: what one has made, the other finds in the cache.
 *
 * y: of the first row that comes out, of one or two. */
INLINE void make_filtered(running *r, int y, const int count)
{
    const float *pixels[NEW_ROWS][SEEN], *lines[WINDOW + PAIR - 1];
    int begin = r->next->wide, end = y + count + 1, height = r->first->out_height;
    take_pixels(r, 2 * ((end < height ? end : height) - 1) - r->first->pad + WINDOW);
    for (int row = begin; row < end; row++) {
        if (row < 0 || row >= height)
            memset(r->rows->wide[slot(row, FEW_ROWS)], 0, sizeof r->rows->wide[0]);
        for (int i = 0; i < SEEN; i++) {
            int line = 2 * row - r->first->pad + i / (COLOURS * WINDOW), column = i / COLOURS % WINDOW;
            pixels[row - begin][i] = r->rows->pixels[slot(line, PIXEL_ROWS)][i % COLOURS][column] + LANES;
        }
    }
    for (int i = 0; i < WINDOW + count - 1; i++)
        lines[i] = r->rows->wide[slot(y - 1 + i, FEW_ROWS)][0] + LANES;
    for (int filter = 0; filter < r->narrowing->used; filter += STEM_FILTERS) {
        for (int row = begin > 0 ? begin : 0; row < end && row < height; row++)
            mix_row(r->network, r->first, pixels[row - begin], SEEN, filter,
                    r->rows->wide[slot(row, FEW_ROWS)][0] + LANES, PLANES);
        filter_rows(r, r->narrowing, lines, ROOM, filter, BESIDE, count);
    }
    r->next->wide = end;
}

static void make_narrow(running *r, int end)
{
    const float *seen[STEM_MOST];
    const layer *l = r->narrowing;
    for (int y, count; (y = r->next->narrow) < end; r->next->narrow += count) {
        count = end - y > 1 && r->next->wide > y ? PAIR : 1; /* fewer where there is nothing yet */
        if (count == PAIR)
            make_filtered(r, y, PAIR);
        else
            make_filtered(r, y, 1);
        for (int i = 0; i < count; i++) {
            for (int c = 0; c < l->used; c++)
                seen[c] = r->rows->filtered[i][c];
            for (int filter = 0; filter < r->widening->used; filter += STEM_FILTERS)
                mix_row(r->network, l, seen, l->used, filter, r->rows->narrow[slot(y + i, FEW_ROWS)][0], PLANES);
        }
    }
}

/* As the first two convolutions: a few filters of the one in the middle, and what is filtered of them. */
static void make_last(running *r, int y)
{
    const float *narrow[NEW_ROWS][STEM_MOST], *seen[STEM_MOST], *lines[WINDOW];
    const layer *l = r->last;
    int begin = r->next->halves, end = 2 * y - l->pad + WINDOW, height = r->widening->out_height;
    make_narrow(r, end < height ? end : height);
    for (int row = begin; row < end; row++) {
        if (row < 0 || row >= height)
            memset(r->rows->halves[slot(row, WINDOW)], 0, sizeof r->rows->halves[0]);
        for (int c = 0; c < r->widening->used; c++)
            narrow[row - begin][c] = r->rows->narrow[slot(row, FEW_ROWS)][c];
    }
    for (int i = 0; i < WINDOW; i++)
        lines[i] = r->rows->halves[slot(2 * y - l->pad + i, WINDOW)][0][0] + LANES;
    for (int filter = 0; filter < l->used; filter += STEM_FILTERS) {
        for (int row = begin > 0 ? begin : 0; row < end && row < height; row++)
            mix_row(r->network, r->widening, narrow[row - begin], r->widening->used, filter,
                    r->rows->halves[slot(row, WINDOW)][0][0] + LANES, HALVES);
        if (l->pad)
            filter_rows(r, l, lines, 2 * HALF, filter, ODD_FIRST, 1);
        else
            filter_rows(r, l, lines, 2 * HALF, filter, EVEN_FIRST, 1);
    }
    r->next->halves = end;
    for (int c = 0; c < l->used; c++)
        seen[c] = r->rows->filtered[0][c];
    float *out = r->network->memory + l->out + (int64_t)y * l->out_width * l->out_channels;
    for (int filter = 0; filter < l->out_channels; filter += STEM_FILTERS)
        mix_row(r->network, l, seen, l->used, filter, out, CHANNELS_LAST);
}

/* The zeros around each row that is used. */
static void make_edges(running *r)
{
    int width = r->first->out_width, half = (width + 2 * LANES - 1) / (2 * LANES) * LANES;
    memset(r->rows->pixels, 0, sizeof r->rows->pixels);
    for (int y = 0; y < FEW_ROWS; y++)
        for (int c = 0; c < r->narrowing->used; c++) {
            float *row = r->rows->wide[y][c];
            store(row, all(0));
            store(row + LANES + width, all(0));
        }
    for (int y = 0; y < WINDOW; y++)
        for (int i = 0; i < 2 * r->last->used; i++) {
            float *row = r->rows->halves[y][0][0] + i * HALF;
            store(row, all(0));
            store(row + LANES + half, all(0));
        }
}

VECTORS_END

/* Threads begin at both ends, and go on towards the middle (`pool.h`). Those who come from the end begin in the middle
 * instead, since rows that follow each other have rows in common: what a thread has done it need not do again. */
static int band_of(const dense_network *n, int piece, int pieces)
{
    return n->scratches == 1 || piece < pieces / 2 ? piece : pieces - 1 - (piece - pieces / 2);
}

void stem_run(const dense_network *n, const layer *layers, int piece, float *scratch, stem_rows *next)
{
    running r = {n, layers, layers + 1, layers + 2, layers + 3, (rows *)scratch, next};
    int height = r.last->out_height, band = band_of(n, piece, layers->items);
    int top = height * band / layers->items, bottom = height * (band + 1) / layers->items;
    if (next->last < 0)
        make_edges(&r);
    if (next->last != top) {
        next->halves = 2 * top - r.last->pad;
        next->narrow = next->halves > 0 ? next->halves : 0;
        next->wide = next->narrow - 1;
        next->pixels = 2 * (next->wide > 0 ? next->wide : 0) - r.first->pad;
    }
    for (next->last = top; next->last < bottom; next->last++)
        make_last(&r, next->last);
}

#else

int64_t stem_scratch(void) { return 0; }
void stem_run(const dense_network *n, const layer *layers, int piece, float *scratch, stem_rows *next)
{
    (void)n, (void)layers, (void)piece, (void)scratch, (void)next;
}

#endif
