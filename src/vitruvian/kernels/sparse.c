#include "sparse.h"

#include "pixels.h"

#ifdef VECTORS

#include <string.h>

/* A step that a thread is at. */
typedef struct {
    const network *network;
    const step *step;
} running;

VECTORS_BEGIN

/* The lanes of two vectors in turns: the lower or the upper half of the result. */
INLINE vec in_turns(vec a, vec b, int upper)
{
    ivec half = _mm512_add_epi32(_mm512_srli_epi32(lane_numbers(), 1), _mm512_set1_epi32(upper * LANES / 2));
    ivec other = _mm512_slli_epi32(_mm512_and_epi32(lane_numbers(), _mm512_set1_epi32(1)), 4);
    return _mm512_permutex2var_ps(a, _mm512_or_epi32(half, other), b);
}

INLINE vec finished(vec v, const step *s, const float *added)
{
    v = within(v, s->low, s->high);
    return added ? within(add(v, load(added)), s->late_low, s->late_high) : v;
}

INLINE const float *added_plane(const step *s, const float *memory, int channel)
{
    return s->added < 0 ? NULL : memory + s->added + (int64_t)channel * s->out_plane;
}

/* Which of the channels that come out are this piece's. */
INLINE void share(const step *s, int item, int *first, int *last)
{
    *first = s->out_channels * item / s->items, *last = s->out_channels * (item + 1) / s->items;
}

/* From the first place of a plane to that of a row. */
INLINE int64_t row_at(int y, int width, int height, int apart)
{
    int64_t line = width + GAP;
    return apart && y >= height / 2 ? apart + (y - height / 2) * line : y * line;
}

INLINE int64_t in_row(const step *s, int y) { return row_at(y, s->in_width, s->in_height, s->in_apart); }
INLINE int64_t out_row(const step *s, int y) { return row_at(y, s->out_width, s->out_height, s->out_apart); }

enum edges { ABOVE = 1, BETWEEN = 2, BELOW = 4 };

/* Which edges some rows of what comes out have; BETWEEN is that of the lower half. */
INLINE int edges_of(const step *s, int top, int bottom)
{
    int half = s->out_height / 2, between = s->out_apart && top <= half && half < bottom;
    return (top == 0 ? ABOVE : 0) | (between ? BETWEEN : 0) | (bottom == s->out_height ? BELOW : 0);
}

/* Zeros at edges of some channels: by whom is at the rows beside them, whose core reads them next. */
INLINE void frame(const step *s, float *memory, int first, int last, int edges)
{
    int line = s->out_width + GAP, around = (GAP * line + GAP + LANES - 1) / LANES * LANES;
    int64_t end = out_row(s, s->out_height - 1) + line;
    for (int c = first; c < last; c++) {
        float *plane = memory + s->out + (int64_t)c * s->out_plane;
        for (int i = 0; edges & ABOVE && i < around; i += LANES)
            store(plane - around + i, all(0));
        if (edges & BETWEEN)
            store(plane + s->out_apart - LANES, all(0));
        for (int i = 0; edges & BELOW && i < around; i += LANES)
            store(plane + end + i, all(0));
    }
}

/* ---- 1x1 convolution ---- */

INLINE void pointwise_block(const network *n, const step *s, int first, int last, int begin, int lower,
                            const int vectors)
{
    const float *in = n->memory + s->in + begin * LANES + lower * s->in_apart;
    const int32_t *inside = n->rows + s->inside + begin;
    int place = begin * LANES + lower * s->out_apart;
    for (int part = 0; part < s->parts; part++) {
        const int32_t *row = n->rows + s->rows + part * (s->out_channels + 1);
        for (int c = first; c < last; c++) {
            float *out = n->memory + s->out + (int64_t)c * s->out_plane + place;
            const tap *t = n->taps + row[c], *after = n->taps + row[c + 1];
            vec sum[8], other[8];
            UNROLL for (int i = 0; i < vectors; i++) {
                sum[i] = part ? load(out + i * LANES) : all(n->constants[s->bias + c]);
                other[i] = all(0);
            }
            /* Few sums at once wait for each other: twice as many, and added up behind. */
            for (; vectors <= 4 && t + 1 < after; t += 2) {
                const float *from = in + t[0].offset, *from_other = in + t[1].offset;
                HERE(from);
                HERE(from_other);
                UNROLL for (int i = 0; i < vectors; i++) {
                    sum[i] = madd(all(t[0].weight), load(from + i * LANES), sum[i]);
                    other[i] = madd(all(t[1].weight), load(from_other + i * LANES), other[i]);
                }
            }
            for (; t < after; t++) {
                const float *from = in + t->offset;
                HERE(from);
                UNROLL for (int i = 0; i < vectors; i++)
                    sum[i] = madd(all(t->weight), load(from + i * LANES), sum[i]);
            }
            if (vectors <= 4)
                UNROLL for (int i = 0; i < vectors; i++) sum[i] = add(sum[i], other[i]);
            if (part == s->parts - 1) {
                const float *added = added_plane(s, n->memory, c);
                UNROLL for (int i = 0; i < vectors; i++)
                    sum[i] = only(finished(sum[i], s, added ? added + place + i * LANES : NULL), (__mmask16)inside[i]);
            }
            UNROLL for (int i = 0; i < vectors; i++) store(out + i * LANES, sum[i]);
        }
    }
}

static void pointwise(const network *n, const step *s, int item)
{
    int halves = s->out_apart ? 2 : 1, blocks = s->blocks / halves;
    int vectors = (s->out_height / halves * (s->out_width + GAP) + LANES - 1) / LANES;
    int groups = s->items / s->blocks, group = item % groups, block = item / groups;
    int first = s->out_channels * group / groups, last = s->out_channels * (group + 1) / groups;
    int lower = block / blocks, is_first = block % blocks == 0, is_last = block % blocks == blocks - 1;
    int begin = vectors * (block % blocks) / blocks, end = vectors * (block % blocks + 1) / blocks;
    int above = lower ? BETWEEN : ABOVE, below = lower == halves - 1 ? BELOW : 0;
    /* The last vector reaches beyond the planes, and writes zeros there, too. */
    frame(s, n->memory, first, last, (is_first ? above : 0) | (is_last ? below : 0));
    switch (end - begin) {
#define BLOCK(count) case count: pointwise_block(n, s, first, last, begin, lower, count); break;
        BLOCK(1) BLOCK(2) BLOCK(3) BLOCK(4) BLOCK(5) BLOCK(6) BLOCK(7)
#undef BLOCK
    }
}

/* ---- depthwise convolution ---- */

enum { ROWS = 7 }; /* that are calculated together, since they need the same rows of what comes in */

/* The rest: as many lanes as there are up to the end of a row. `turn`: before which row the lower half begins. */
INLINE void depthwise_block(const step *s, const float *in, int turn, float *out, const float *weights, vec bias,
                            __mmask16 inside, __mmask16 rest, const int kernel, const int stride)
{
    int in_line = s->in_width + GAP, out_line = s->out_width + GAP;
    int64_t jump = s->in_apart - s->in_height / 2 * in_line;
    vec sum[ROWS];
    UNROLL for (int r = 0; r < ROWS; r++) sum[r] = bias;
    UNROLL for (int i = 0; i < stride * (ROWS - 1) + kernel; i++) {
        vec seen[6];
        UNROLL for (int j = 0; j < kernel; j += stride) {
            seen[j] = load(in + j);
            if (stride == 2) {
                vec next = load(in + j + LANES);
                seen[j + 1] = pick(seen[j], next, 1, 2);
                seen[j] = pick(seen[j], next, 0, 2);
            }
        }
        UNROLL for (int j = 0; j < kernel; j++)
            UNROLL for (int r = 0; r < ROWS; r++)
                if (i - stride * r >= 0 && i - stride * r < kernel)
                    sum[r] = madd(seen[j], all(weights[(i - stride * r) * kernel + j]), sum[r]);
        in += i + 1 == turn ? in_line + jump : in_line;
        HERE(in);
    }
    UNROLL for (int r = 0; r < ROWS; r++) {
        vec v = only(within(sum[r], s->low, s->high), inside);
        if (r < ROWS - 1)
            store(out, v);
        else
            store_some(out, v, rest);
        out += out_line;
        HERE(out);
    }
}

/* From right to left: what a vector has beyond the end of a row is zeros, over which the next row is written; but
 * for the last row, behind which somebody else may have written. */
INLINE void depthwise_rows(const network *n, const step *s, int item, const int kernel, const int stride)
{
    int out_line = s->out_width + GAP;
    int bands = s->out_height / ROWS, groups = s->items / bands, group = item % groups, top = item / groups * ROWS;
    int first = s->out_channels * group / groups, last = s->out_channels * (group + 1) / groups;
    int seen = top * stride - s->pad, turn = s->in_apart ? s->in_height / 2 - seen : 0;
    frame(s, n->memory, first, last, edges_of(s, top, top + ROWS));
    for (int c = first; c < last; c++) {
        const float *in = n->memory + s->in + (int64_t)c * s->in_plane + in_row(s, seen) - s->pad;
        float *out = n->memory + s->out + (int64_t)c * s->out_plane + out_row(s, top);
        const float *weights = n->constants + s->weights + c * kernel * kernel;
        vec bias = all(n->constants[s->bias + c]);
        for (int left = (out_line - 1) / LANES * LANES; left >= 0; left -= LANES)
            depthwise_block(s, in + left * stride, turn, out + left, weights, bias, first_lanes(s->out_width - left),
                            first_lanes(out_line - left), kernel, stride);
    }
}

/* Rows of a plane narrower than a vector, as if they were one. */
INLINE void depthwise_narrow(const network *n, const step *s, int item, const int kernel)
{
    enum { TOGETHER = 4 };
    int first, last;
    share(s, item, &first, &last);
    int line = s->in_width + GAP, vectors = (s->in_height * line + LANES - 1) / LANES;
    for (int c = first; c < last; c++) {
        const float *in = n->memory + s->in + (int64_t)c * s->in_plane - s->pad * line - s->pad;
        float *out = n->memory + s->out + (int64_t)c * s->out_plane;
        const float *weights = n->constants + s->weights + c * kernel * kernel;
        for (int v = 0; v < vectors; v += TOGETHER) {
            vec sum[TOGETHER];
            UNROLL for (int i = 0; i < TOGETHER; i++) sum[i] = all(n->constants[s->bias + c]);
            const float *from = in + v * LANES;
            UNROLL for (int y = 0; y < kernel; y++) {
                UNROLL for (int x = 0; x < kernel; x++)
                    UNROLL for (int i = 0; i < TOGETHER; i++)
                        sum[i] = madd(load(from + x + i * LANES), all(weights[y * kernel + x]), sum[i]);
                from += line;
                HERE(from);
            }
            UNROLL for (int i = 0; i < TOGETHER; i++) store(out + (v + i) * LANES, within(sum[i], s->low, s->high));
        }
        for (int y = s->out_height - 1; y >= 0; y--) {
            float *gap = out + y * line + s->out_width;
            gap[0] = gap[1] = 0;
        }
    }
    frame(s, n->memory, first, last, edges_of(s, 0, s->out_height));
}

/* One function for each kind: compilers make more of small ones. */
#define EACH(name, inlined, ...)                                                          \
    static void name(const network *n, const step *s, int item)                           \
    {                                                                                     \
        inlined(n, s, item, __VA_ARGS__);                                                 \
    }
EACH(depthwise_3, depthwise_rows, 3, 1)
EACH(depthwise_5, depthwise_rows, 5, 1)
EACH(halving_3, depthwise_rows, 3, 2)
EACH(halving_5, depthwise_rows, 5, 2)
EACH(narrow_3, depthwise_narrow, 3)
EACH(narrow_5, depthwise_narrow, 5)
#undef EACH

static void depthwise(const network *n, const step *s, int item)
{
    int narrow = s->stride == 1 && s->in_width < LANES - GAP;
    if (s->kernel == 3)
        (s->stride == 2 ? halving_3 : narrow ? narrow_3 : depthwise_3)(n, s, item);
    else
        (s->stride == 2 ? halving_5 : narrow ? narrow_5 : depthwise_5)(n, s, item);
}

/* ---- the first convolution: 3x3 with a stride of 2, of pixels ---- */

enum { TAPS = 27, FILTERS = 4, ACROSS = 7 };

static void first(const network *n, const step *s, int item)
{
    colours lines[3];
    int top = s->out_height * item / s->items, bottom = s->out_height * (item + 1) / s->items;
    memset(lines, 0, sizeof lines);
    frame(s, n->memory, 0, s->out_channels, edges_of(s, top, bottom));
    for (int y = top; y < bottom; y++) {
        const float *seen[TAPS];
        for (int i = y == top ? 0 : 1; i < 3; i++) {
            int row = 2 * y + i - s->pad;
            if (row < 0 || row >= s->in_height)
                memset(lines[(row + 3) % 3], 0, sizeof(colours));
            else
                take_apart(n->pixels + (int64_t)row * s->in_width * 3, s->in_width, s->pad, s->scale, s->shift,
                           lines[row % 3]);
        }
        for (int i = 0; i < TAPS; i++) {
            int row = 2 * y + i / 9 - s->pad, column = i / 3 % 3;
            seen[i] = lines[(row + 3) % 3][i % 3][column] + LANES;
        }
        for (int c = 0; c < s->out_channels; c += FILTERS) {
            float *out = n->memory + s->out + (int64_t)c * s->out_plane + out_row(s, y);
            UNROLL for (int f = 0; f < FILTERS; f++)
                store(out + (int64_t)f * s->out_plane + s->out_width + GAP - LANES, all(0));
            for (int x = 0; x < s->out_width; x += ACROSS * LANES) {
                const float *weights = n->constants + s->weights + c;
                vec sum[FILTERS][ACROSS];
                UNROLL for (int f = 0; f < FILTERS; f++)
                    UNROLL for (int i = 0; i < ACROSS; i++) sum[f][i] = all(n->constants[s->bias + c + f]);
                for (int t = 0; t < TAPS; t++, weights += s->out_channels)
                    UNROLL for (int i = 0; i < ACROSS; i++)
                        UNROLL for (int f = 0; f < FILTERS; f++)
                            sum[f][i] = madd(load(seen[t] + x + i * LANES), all(weights[f]), sum[f][i]);
                UNROLL for (int f = 0; f < FILTERS; f++)
                    UNROLL for (int i = 0; i < ACROSS; i++)
                        store(out + (int64_t)f * s->out_plane + x + i * LANES, within(sum[f][i], s->low, s->high));
            }
        }
    }
}

/* ---- twice the size, bilinear: half-way between places, three to one; the edge repeats ---- */

static void enlarge(const network *n, const step *s, int item)
{
    int begin, end, height = s->in_height, width = s->in_width;
    int out_line = s->out_width + GAP;
    ivec one = _mm512_set1_epi32(1), right = _mm512_set1_epi32(width - 1);
    ivec before = _mm512_max_epi32(_mm512_sub_epi32(lane_numbers(), one), _mm512_setzero_si512());
    ivec behind = _mm512_min_epi32(_mm512_add_epi32(lane_numbers(), one), right);
    share(s, item, &begin, &end);
    frame(s, n->memory, begin, end, edges_of(s, 0, s->out_height));
    for (int c = begin; c < end; c++) {
        const float *in = n->memory + s->in + (int64_t)c * s->in_plane, *added = added_plane(s, n->memory, c);
        float *out = n->memory + s->out + (int64_t)c * s->out_plane;
        vec bias = all(n->constants[s->bias + c]);
        for (int y = 0; y < 2 * height; y++) {
            int near = y / 2, far = y % 2 ? near + 1 : near - 1;
            far = far < 0 ? 0 : far < height ? far : height - 1;
            vec row = madd(all(.75f), load(in + in_row(s, near)), times(all(.25f), load(in + in_row(s, far))));
            vec most = madd(all(.75f), row, bias);
            vec even = madd(all(.25f), _mm512_permutexvar_ps(before, row), most);
            vec odd = madd(all(.25f), _mm512_permutexvar_ps(behind, row), most);
            for (int half = 0; half < 2 && half * LANES < out_line; half++) {
                int64_t at = out_row(s, y) + half * LANES;
                vec v = finished(in_turns(even, odd, half), s, added ? added + at : NULL);
                store(out + at, only(v, first_lanes(s->out_width - half * LANES)));
            }
        }
    }
}

/* ---- twice the size, out of four channels: depth to space, blocks first ---- */

static void spread(const network *n, const step *s, int item)
{
    int begin, end, out_line = s->out_width + GAP;
    share(s, item, &begin, &end);
    frame(s, n->memory, begin, end, edges_of(s, 0, s->out_height));
    for (int c = begin; c < end; c++)
        for (int y = 0; y < s->out_height; y++) {
            int64_t plane = y % 2 * 2 * s->out_channels + c;
            const float *even = n->memory + s->in + plane * s->in_plane + in_row(s, y / 2);
            const float *odd = even + (int64_t)s->out_channels * s->in_plane;
            float *out = n->memory + s->out + (int64_t)c * s->out_plane + out_row(s, y);
            for (int x = 0; x < out_line; x += LANES) {
                vec a = load(even + x / 2 / LANES * LANES), b = load(odd + x / 2 / LANES * LANES);
                store(out + x, only(in_turns(a, b, x / LANES % 2), first_lanes(s->out_width - x)));
            }
        }
}

/* ---- channels last, as the network's own outputs are ---- */

static void write_out(const network *n, const step *s)
{
    float *to = n->targets[s->target] + s->target_index;
    for (int y = 0; y < s->in_height; y++)
        for (int x = 0; x < s->in_width; x++)
            for (int c = 0; c < s->in_channels; c++)
                *to++ = n->memory[s->in + (int64_t)c * s->in_plane + in_row(s, y) + x];
}

VECTORS_END

static void run_piece(void *of_step, int piece)
{
    const running *r = of_step;
    const network *n = r->network;
    const step *s = r->step;
    switch (s->kind) {
    case FIRST: first(n, s, piece); break;
    case DEPTHWISE: depthwise(n, s, piece); break;
    case POINTWISE: pointwise(n, s, piece); break;
    case ENLARGE: enlarge(n, s, piece); break;
    case SPREAD: spread(n, s, piece); break;
    case WRITE: write_out(n, s); break;
    }
}

void sparse_run(void *of_network, int thread)
{
    network *n = of_network;
    for (int i = 0; i < n->count; i++) {
        running r = {.network = n, .step = n->steps + i};
        pool_share(n->progress + i, r.step->items, thread, run_piece, &r);
    }
}

#else

void sparse_run(void *of_network, int thread) { (void)of_network, (void)thread; }

#endif
