/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libFuzzer target: any bytes as a WAV file, and as samples in blocks of any size through the
 * front-end's stages and the whole chain, whose results must not depend on the blocks.
 */
#define _POSIX_C_SOURCE 200809L /* fmemopen */

#include <stdlib.h>
#include <string.h>

#include "frontend.h"
#include "fuzz_model.h"
#include "kws.h"
#include "wav.h"

enum {
    LARGEST = 8 * KWS_WINDOW, /* samples */
    COLUMNS = 5,              /* fewer than a model's, to see them wrap around */
    MEMORY = 16 * KWS_WINDOW, /* bytes, enough for the tiny models */
};

static void require(int condition)
{
    if (!condition) {
        abort();
    }
}

static void parse(const uint8_t *data, size_t size)
{
    int16_t block[100];
    struct kws_wav wav;
    FILE *file = size ? fmemopen((void *)(uintptr_t)data, size, "rb") : NULL;

    if (!file) {
        return;
    }
    if (kws_wav_open(&wav, file) == KWS_WAV_OK) {
        size_t total = 0;
        size_t count;

        while ((count = kws_wav_read(&wav, block, sizeof block / sizeof *block)) > 0) {
            total += count;
        }
        require(total * sizeof *block <= size);
    }
    fclose(file);
}

/* A block at `start`, whose size is taken from the samples themselves. */
static size_t block_at(const int16_t *samples, size_t start, size_t total)
{
    const size_t wanted = (uint16_t)samples[start] % 1000 + 1U;

    return wanted < total - start ? wanted : total - start;
}

static void stages(const int16_t *samples, size_t total)
{
    static int16_t frame[KWS_WINDOW];
    static int32_t work[KWS_WINDOW];
    static int8_t memory[COLUMNS * KWS_COEFFICIENTS];
    static int8_t window[COLUMNS * KWS_COEFFICIENTS];
    int8_t column[KWS_COEFFICIENTS];
    int8_t whole[KWS_COEFFICIENTS];
    struct kws_ring ring;
    struct kws_mfcc mfcc;
    struct kws_columns fifo;
    size_t start = 0;
    size_t columns = 0;

    require(kws_ring_init(&ring, frame, KWS_WINDOW, KWS_HOP) == KWS_OK);
    require(kws_mfcc_init(&mfcc, &kws_frontend, work) == KWS_OK);
    require(kws_columns_init(&fifo, memory, COLUMNS, KWS_COEFFICIENTS) == KWS_OK);
    while (start < total) {
        const int16_t *block = samples + start;
        size_t count = block_at(samples, start, total);

        start += count;
        while (kws_ring_push(&ring, &block, &count) == KWS_OK) {
            require(kws_mfcc_column(&mfcc, ring.frame, column) == KWS_OK);
            require(kws_mfcc_clip(&mfcc, samples + columns * KWS_HOP, KWS_HOP, 1, whole) == KWS_OK);
            require(memcmp(column, whole, sizeof column) == 0);
            require(kws_columns_push(&fifo, column) == KWS_OK);
            columns++;
        }
        require(count == 0);
    }
    require(columns == (total < KWS_WINDOW ? 0 : (total - KWS_WINDOW) / KWS_HOP + 1));
    require(kws_columns_window(&fifo, window) == (columns < COLUMNS ? KWS_NOT_READY : KWS_OK));
    if (columns >= COLUMNS) {
        require(memcmp(window + sizeof window - sizeof column, column, sizeof column) == 0);
    }
}

/* What was detected: a column can give one detection at most. */
struct heard {
    struct kws_detection detections[LARGEST / KWS_HOP];
    size_t count;
};

static void hear(void *context, const struct kws_detection *detection)
{
    struct heard *heard = context;

    heard->detections[heard->count++] = *detection;
}

static void feed(struct kws *kws, const int16_t *samples, size_t total)
{
    for (size_t start = 0; start < total;) {
        const size_t count = block_at(samples, start, total);

        require(kws_feed(kws, samples + start, count) == KWS_OK);
        start += count;
    }
}

/* With 0 to 3 pieces of work after each column, and what is left over at the end. */
static void slice(struct kws *kws, const int16_t *samples, size_t total)
{
    size_t left = total;
    const int16_t *next = samples;

    while (kws_take(kws, &next, &left) == KWS_OK) {
        for (int pieces = *(next - 1) & 3; pieces > 0; pieces--) {
            kws_work(kws);
        }
    }
    require(left == 0 && next == samples + total);
    while (kws_work(kws) == KWS_NOT_READY) {
    }
}

static void require_same(const struct heard *a, const struct heard *b)
{
    require(a->count == b->count);
    for (size_t i = 0; i < a->count; i++) {
        const struct kws_detection *x = &a->detections[i];
        const struct kws_detection *y = &b->detections[i];

        require(x->column == y->column && x->label == y->label && x->score == y->score);
    }
}

/* A window in blocks, and in slices after a reset, and a stream in slices. */
static void chain(const int16_t *samples, size_t total)
{
    static uint64_t memory[MEMORY / sizeof(uint64_t)];
    const struct fuzz_models *models = fuzz_models();
    struct heard fed = {.count = 0};
    struct heard sliced = {.count = 0};
    struct heard streamed = {.count = 0};
    struct kws kws;

    require(kws_init(&kws, &models->window, memory, sizeof memory, hear, &fed) == KWS_OK);
    feed(&kws, samples, total);

    memset(memory, 0x55, sizeof memory);
    require(kws_init(&kws, &models->window, memory, sizeof memory, hear, &sliced) == KWS_OK);
    feed(&kws, samples, total / 2);
    require(kws_reset(&kws) == KWS_OK);
    sliced.count = 0;
    slice(&kws, samples, total);
    require_same(&sliced, &fed);

    require(kws_init(&kws, &models->stream, memory, sizeof memory, hear, &streamed) == KWS_OK);
    slice(&kws, samples, total);
    require_same(&streamed, &fed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int16_t samples[LARGEST];
    const size_t total = size / 2 < LARGEST ? size / 2 : LARGEST;

    parse(data, size);
    memcpy(samples, data, total * sizeof *samples);
    stages(samples, total);
    chain(samples, total);
    return 0;
}
