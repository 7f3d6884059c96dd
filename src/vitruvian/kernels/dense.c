#include "dense.h"

#include "stem.h"
#include "vectors.h"
#include "windows.h"

enum { COLUMNS = 2, MOST_PLACES = 12, ACROSS = 8, MOST_SEEN = 5 * 19, FIRST_ROWS = 4 };

/* Numbers of a line of pixels: zeros, the pixels, and zeros as far as a window reaches. */
static int64_t line_length(int width) { return 3 * ((int64_t)width + 8); }

int64_t dense_scratch(int channels, int width)
{
    int64_t lines = (2 * (FIRST_ROWS - 1) + 5) * line_length(width), numbers = (int64_t)MOST_PLACES * channels;
    return lines > numbers ? lines : numbers;
}

#ifdef VECTORS

#include <math.h>
#include <string.h>

/* A step that a thread is at, and what it has for itself. */
typedef struct {
    const dense_network *network;
    const layer *layer;
    float *scratch;
    stem_rows stem;
} running;

VECTORS_BEGIN

INLINE vec sloped(vec v, vec slopes)
{
    return madd(slopes, lower(v, all(0)), higher(v, all(0)));
}

/* What is left to do with 16 channels of some places one behind the other. */
INLINE void finish(const dense_network *n, const layer *l, const vec *sums, int place, int channel, const int count)
{
    const float *constants = n->constants + channel;
    float *out = n->memory + l->out + (int64_t)place * l->out_channels + channel;
    vec v[MOST_PLACES];
    UNROLL for (int p = 0; p < count; p++) v[p] = sums[p];
    if (l->slopes >= 0) {
        vec slopes = load(constants + l->slopes);
        UNROLL for (int p = 0; p < count; p++) v[p] = sloped(v[p], slopes);
    }
    UNROLL for (int p = 0; p < count; p++) v[p] = within(v[p], l->low, l->high);
    if (l->added >= 0 && channel < l->added_channels) {
        const float *added = n->memory + l->added + (int64_t)place * l->added_channels + channel;
        UNROLL for (int p = 0; p < count; p++) v[p] = add(v[p], load(added + (int64_t)p * l->added_channels));
    }
    if (l->late_slopes >= 0) {
        vec slopes = load(constants + l->late_slopes);
        UNROLL for (int p = 0; p < count; p++) v[p] = sloped(v[p], slopes);
    }
    UNROLL for (int p = 0; p < count; p++) v[p] = within(v[p], l->late_low, l->late_high);
    if (l->written) {
        float *to = n->targets[l->target] + l->target_index + (int64_t)place * l->written + channel;
        __mmask16 lanes = first_lanes(l->written - channel);
        UNROLL for (int p = 0; p < count; p++) store_some(to + (int64_t)p * l->written, v[p], lanes);
        return;
    }
    UNROLL for (int p = 0; p < count; p++) store(out + (int64_t)p * l->out_channels, v[p]);
}

/* ---- what convolutions are made of: some places by one or two vectors of filters ---- */

/* Where the numbers of places are, `across` floats from each other, in lines. */
typedef struct {
    const float *first;
    int64_t across, line;
    int lines, count; /* of each line */
} seen_numbers;

INLINE void multiply_block(const dense_network *n, const layer *l, const seen_numbers *in, const float *weights,
                           int place, int channel, const int places, const int columns, const int halves)
{
    vec sum[COLUMNS][MOST_PLACES];
    UNROLL for (int v = 0; v < columns; v++) {
        vec bias = load(n->constants + l->bias + channel + v * LANES);
        UNROLL for (int p = 0; p < places; p++) sum[v][p] = bias;
    }
    int64_t across = in->across;
    for (int line = 0; line < in->lines; line++) {
        const float *from[4]; /* three places each: more pointers would be more than there are registers */
        UNROLL for (int i = 0; i < 4; i++)
            from[i] = in->first + line * in->line + (3 * i < places ? 3 * i * across : 0);
        for (int c = 0; c < in->count; c++, weights += halves ? columns * LANES / 2 : columns * LANES) {
            vec weight[COLUMNS];
            UNROLL for (int v = 0; v < columns; v++)
                weight[v] = halves ? load_halves(weights + v * LANES / 2) : load(weights + v * LANES);
            UNROLL for (int p = 0; p < places; p++) {
                vec number = all(from[p / 3][p % 3 * across]);
                UNROLL for (int v = 0; v < columns; v++) sum[v][p] = madd(number, weight[v], sum[v][p]);
            }
            UNROLL for (int i = 0; i < 4; i++)
                from[i]++;
        }
    }
    UNROLL for (int v = 0; v < columns; v++) finish(n, l, sum[v], place, channel + v * LANES, places);
}

/* One function for each number: compilers make more of small ones. */
typedef void multiplication(const dense_network *n, const layer *l, const seen_numbers *in, const float *weights,
                            int place, int channel);
#define MULTIPLICATION(places, columns)                                                                              \
    static void multiply_##places##_##columns(const dense_network *n, const layer *l, const seen_numbers *in,         \
                                              const float *weights, int place, int channel)                          \
    {                                                                                                                \
        if (l->halves)                                                                                               \
            multiply_block(n, l, in, weights, place, channel, places, columns, 1);                                   \
        else                                                                                                         \
            multiply_block(n, l, in, weights, place, channel, places, columns, 0);                                   \
    }
#define EACH(what, columns)                                                                                          \
    what(1, columns) what(2, columns) what(3, columns) what(4, columns) what(5, columns) what(6, columns)            \
        what(7, columns) what(8, columns) what(9, columns) what(10, columns) what(11, columns) what(12, columns)
EACH(MULTIPLICATION, 1) EACH(MULTIPLICATION, 2)
#define NAME(places, columns) multiply_##places##_##columns,
static multiplication *const multiplications[COLUMNS][MOST_PLACES] = {{EACH(NAME, 1)}, {EACH(NAME, 2)}};
#undef NAME
#undef EACH
#undef MULTIPLICATION

static void squash(float *numbers, int count)
{
    for (int i = 0; i < count; i++)
        numbers[i] = 1 / (1 + expf(-numbers[i]));
}

/* Some filters of up to twelve places; which of all groups of filters. */
static void multiply(const dense_network *n, const layer *l, const seen_numbers *in, int place, int places, int group)
{
    int vectors = l->out_channels / LANES, depth = in->lines * in->count;
    int pairs = (vectors + COLUMNS - 1) / COLUMNS;
    for (int pair = pairs * group / l->groups; pair < pairs * (group + 1) / l->groups; pair++) {
        int first = pair * COLUMNS, columns = vectors - first < COLUMNS ? vectors - first : COLUMNS;
        const float *weights = n->constants + l->weights + (int64_t)first * LANES * depth / (l->halves ? 2 : 1);
        multiplications[columns - 1][places - 1](n, l, in, weights, place, first * LANES);
        if (l->sigmoid) /* of a single place */
            squash(n->memory + l->out + first * LANES, columns * LANES);
    }
}

/* ---- depthwise convolution of a few places in a row: a strip ---- */

/* `seen` are all places that the strip needs, line by line, or only the first of each line, whose others follow. */
INLINE void filter_block(const float *const *seen, const layer *l, const float *constants, float *out,
                         const int kernel, const int stride, const int across, const int listed)
{
    const int columns = (across - 1) * stride + kernel;
    int channels = l->in_channels;
    float low = l->filter_low, high = l->filter_high;
    for (int c = 0; c < channels; c += LANES) {
        const float *weights = constants + l->filter + c;
        vec sum[ACROSS];
        UNROLL for (int x = 0; x < across; x++) sum[x] = load(constants + l->filter_bias + c);
        UNROLL for (int i = 0; i < kernel; i++) {
            vec v[2 * (ACROSS - 1) + 5];
            const float *from = seen[i * (listed ? columns : 1)] + c;
            UNROLL for (int j = 0; j < columns; j++) {
                v[j] = load(listed ? seen[i * columns + j] + c : from);
                from += channels;
                HERE(from);
            }
            UNROLL for (int j = 0; j < kernel; j++, weights += channels) {
                vec weight = load(weights);
                UNROLL for (int x = 0; x < across; x++) sum[x] = madd(v[x * stride + j], weight, sum[x]);
            }
        }
        if (l->filter_slopes >= 0) {
            vec slopes = load(constants + l->filter_slopes + c);
            UNROLL for (int x = 0; x < across; x++) sum[x] = sloped(sum[x], slopes);
        }
        UNROLL for (int x = 0; x < across; x++) store(out + x * channels + c, within(sum[x], low, high));
    }
}

typedef void filter(const float *const *seen, const layer *l, const float *constants, float *out);
#define FILTER(kernel, stride, across, listed)                                                                       \
    static void filter_##kernel##_##stride##_##across##_##listed(const float *const *seen, const layer *l,           \
                                                                 const float *constants, float *out)                 \
    {                                                                                                                \
        filter_block(seen, l, constants, out, kernel, stride, across, listed);                                       \
    }
#define EACH(what, across)                                                                                           \
    what(3, 1, across, 0) what(3, 1, across, 1) what(3, 2, across, 0) what(3, 2, across, 1)                          \
        what(5, 1, across, 0) what(5, 1, across, 1) what(5, 2, across, 0) what(5, 2, across, 1)
EACH(FILTER, 1) EACH(FILTER, 2) EACH(FILTER, 4) EACH(FILTER, 6) EACH(FILTER, 7) EACH(FILTER, 8)
#define NAME(kernel, stride, across, listed) filter_##kernel##_##stride##_##across##_##listed,
static filter *const filters[ACROSS + 1][8] = {
    [1] = {EACH(NAME, 1)}, [2] = {EACH(NAME, 2)}, [4] = {EACH(NAME, 4)},
    [6] = {EACH(NAME, 6)}, [7] = {EACH(NAME, 7)}, [8] = {EACH(NAME, 8)},
};
#undef NAME
#undef EACH
#undef FILTER

/* What lies beyond an edge is zeros. */
static void depthwise(const dense_network *n, const layer *l, int strip, float *out)
{
    const float *seen[MOST_SEEN];
    int columns = (l->across - 1) * l->stride + l->kernel, strips = l->out_width / l->across;
    int top = strip / strips * l->stride - l->pad, left = strip % strips * l->across * l->stride - l->pad;
    int listed = top < 0 || top + l->kernel > l->in_height || left < 0 || left + columns > l->in_width;
    for (int i = 0; i < l->kernel; i++) {
        const float *line = n->memory + l->in + ((int64_t)(top + i) * l->in_width + left) * l->in_channels;
        if (!listed)
            seen[i] = line;
        for (int j = 0; listed && j < columns; j++, line += l->in_channels) {
            int there = top + i >= 0 && top + i < l->in_height && left + j >= 0 && left + j < l->in_width;
            seen[i * columns + j] = there ? line : n->constants;
        }
    }
    filters[l->across][(l->kernel == 5) * 4 + (l->stride == 2) * 2 + listed](seen, l, n->constants, out);
}

/* Which strips, or places, are this piece's. */
INLINE void share(const layer *l, int item, int64_t count, int *begin, int *end)
{
    int pieces = l->items / l->groups, piece = item / l->groups;
    *begin = (int)(count * piece / pieces), *end = (int)(count * (piece + 1) / pieces);
}

/* Where no 1x1 convolution follows. */
static void alone(const dense_network *n, const layer *l, int item)
{
    int begin, end, step = l->across * l->out_channels;
    share(l, item, l->out_height * l->out_width / l->across, &begin, &end);
    for (int strip = begin; strip < end; strip++)
        depthwise(n, l, strip, n->memory + l->out + (int64_t)strip * step);
}

/* ---- 1x1 convolution, with or without a depthwise one in front ---- */

static void pointwise(const dense_network *n, const layer *l, int item, float *scratch)
{
    int across = l->filter >= 0 ? l->across : l->listed >= 0 ? STRIP : 1, begin, end;
    int together = l->listed >= 0 ? 1 : MOST_PLACES / across; /* those of a list need not lie side by side */
    share(l, item, windows_count(n, l, (int64_t)l->out_height * l->out_width / across), &begin, &end);
    for (int at = begin, count; at < end; at += count) {
        int left = (end - at + together - 1) / together; /* evenly: a few places take nearly as long as many */
        count = (end - at + left - 1) / left;
        int strip = windows_strip(n, l, at);
        seen_numbers in = {.across = l->in_channels, .lines = 1, .count = l->used};
        in.first = n->memory + l->in + (int64_t)strip * across * l->in_channels;
        if (l->filter >= 0) {
            in.first = scratch;
            for (int i = 0; i < count; i++)
                depthwise(n, l, strip + i, scratch + (int64_t)i * across * l->in_channels);
        }
        multiply(n, l, &in, strip * across, count * across, item % l->groups);
    }
}

/* ---- the first convolution: with a stride of 2, of pixels ---- */

static void take_line(const dense_network *n, const layer *l, int row, float *line)
{
    int count = l->in_width * 3;
    memset(line, 0, sizeof *line * (size_t)line_length(l->in_width));
    if (row < 0 || row >= l->in_height)
        return;
    const uint8_t *pixels = n->pixels + (int64_t)row * count;
    line += l->pad * 3;
    for (int i = 0; i < count; i += LANES)
        store(line + i, madd(numbers_of(pixels + i), all(l->scale), all(l->shift)));
}

/* All that a window sees in a line of pixels lies one behind the other. */
static void first(const dense_network *n, const layer *l, int item, float *scratch)
{
    int64_t length = line_length(l->in_width);
    int top = item * FIRST_ROWS, bottom = top + FIRST_ROWS < l->out_height ? top + FIRST_ROWS : l->out_height;
    for (int i = 0; i < 2 * (bottom - top - 1) + l->kernel; i++)
        take_line(n, l, 2 * top - l->pad + i, scratch + i * length);
    for (int y = top; y < bottom; y++)
        for (int x = 0, count; x < l->out_width; x += count) {
            count = l->out_width - x < MOST_PLACES ? l->out_width - x : MOST_PLACES;
            seen_numbers in = {.across = 6, .line = length, .lines = l->kernel, .count = 3 * l->kernel};
            in.first = scratch + 2 * (y - top) * length + 6 * x;
            multiply(n, l, &in, y * l->out_width + x, count, 0);
        }
}

/* ---- steps that multiply little ---- */

/* Twice the size, bilinear: half-way between places, three to one; the edge repeats. */
static void enlarge_places(const dense_network *n, const layer *l, int y, int begin, int end)
{
    int near = y / 2, far = y % 2 ? near + 1 : near - 1;
    far = far < 0 ? 0 : far < l->in_height ? far : l->in_height - 1;
    const float *in = n->memory + l->in;
    for (int x = begin; x < end; x++) {
        int beside = x % 2 ? x / 2 + 1 : x / 2 - 1;
        beside = beside < 0 ? 0 : beside < l->in_width ? beside : l->in_width - 1;
        const float *upper = in + (int64_t)(near * l->in_width + x / 2) * l->in_channels;
        const float *upper_beside = in + (int64_t)(near * l->in_width + beside) * l->in_channels;
        const float *lower = in + (int64_t)(far * l->in_width + x / 2) * l->in_channels;
        const float *lower_beside = in + (int64_t)(far * l->in_width + beside) * l->in_channels;
        for (int c = 0; c < l->out_channels; c += LANES) {
            vec here = madd(all(.75f), load(upper + c), times(all(.25f), load(lower + c)));
            vec there = madd(all(.75f), load(upper_beside + c), times(all(.25f), load(lower_beside + c)));
            vec v = madd(all(.75f), here, times(all(.25f), there));
            v = add(v, load(n->constants + l->bias + c));
            finish(n, l, &v, y * l->out_width + x, c, 1);
        }
    }
}

static void enlarge(const dense_network *n, const layer *l, int item)
{
    int begin, end, across = l->out_width / STRIP;
    if (l->listed < 0) {
        enlarge_places(n, l, item, 0, l->out_width);
        return;
    }
    share(l, item, windows_count(n, l, 0), &begin, &end);
    for (int at = begin; at < end; at++) {
        int strip = windows_strip(n, l, at), x = strip % across * STRIP;
        enlarge_places(n, l, strip / across, x, x + STRIP);
    }
}

/* The largest of two by two. */
static void pool(const dense_network *n, const layer *l, int y)
{
    int64_t line = (int64_t)l->in_width * l->in_channels;
    for (int x = 0; x < l->out_width; x++) {
        const float *in = n->memory + l->in + 2 * y * line + 2 * x * l->in_channels, *beside = in + l->in_channels;
        for (int c = 0; c < l->out_channels; c += LANES) {
            vec upper = higher(load(in + c), load(beside + c));
            vec v = higher(upper, higher(load(in + line + c), load(beside + line + c)));
            finish(n, l, &v, y * l->out_width + x, c, 1);
        }
    }
}

static void mean(const dense_network *n, const layer *l)
{
    int places = l->in_height * l->in_width;
    for (int c = 0; c < l->in_channels; c += LANES) {
        vec sum = all(0);
        for (int p = 0; p < places; p++)
            sum = add(sum, load(n->memory + l->in + (int64_t)p * l->in_channels + c));
        store(n->memory + l->out + c, times(sum, all(1 / (float)places)));
    }
}

/* Without the unused channels, as the network's own outputs are. */
static void write_out(const dense_network *n, const layer *l, int y)
{
    const float *in = n->memory + l->in + (int64_t)y * l->in_width * l->in_channels;
    float *to = n->targets[l->target] + l->target_index + (int64_t)y * l->in_width * l->used;
    for (int x = 0; x < l->in_width; x++, in += l->in_channels, to += l->used)
        for (int c = 0; c < l->used; c += LANES)
            store_some(to + c, load(in + c), first_lanes(l->used - c));
}

VECTORS_END

static void run_piece(void *of_layer, int piece)
{
    running *r = of_layer;
    const dense_network *n = r->network;
    const layer *l = r->layer;
    switch (l->kind) {
    case DENSE_FIRST:
        if (l->stem)
            stem_run(n, l, piece, r->scratch, &r->stem);
        else
            first(n, l, piece, r->scratch);
        break;
    case DENSE_DEPTHWISE: alone(n, l, piece); break;
    case DENSE_POINTWISE: pointwise(n, l, piece, r->scratch); break;
    case DENSE_ENLARGE: enlarge(n, l, piece); break;
    case DENSE_WRITE: write_out(n, l, piece); break;
    case DENSE_POOL: pool(n, l, piece); break;
    case DENSE_MEAN: mean(n, l); break;
    case DENSE_LOOK: windows_look(n, l); break;
    }
}

void dense_run(void *of_network, int thread)
{
    dense_network *n = of_network;
    if (thread >= n->scratches)
        return;
    for (int i = 0; i < n->count; i++) {
        running r = {.network = n, .layer = n->layers + i, .stem.last = -1};
        r.scratch = n->scratch + n->scratch_size * thread;
        pool_share(n->progress + i, r.layer->items, thread, run_piece, &r);
    }
}

#else

void dense_run(void *of_network, int thread) { (void)of_network, (void)thread; }

#endif
