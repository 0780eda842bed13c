/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libFuzzer target: any bytes as a WAV file, and as samples in blocks of any size through the
 * front-end's stages, whose columns must not depend on the blocks.
 */
#define _POSIX_C_SOURCE 200809L /* fmemopen */

#include <stdlib.h>
#include <string.h>

#include "columns.h"
#include "frontend.h"
#include "mfcc.h"
#include "ring.h"
#include "wav.h"

enum {
    LARGEST = 8 * KWS_WINDOW, /* samples */
    COLUMNS = 5,              /* fewer than a model's, to see them wrap around */
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

/* Takes the sizes of its blocks from the samples themselves. */
static void stream(const int16_t *samples, size_t total)
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
        const size_t wanted = (uint16_t)samples[start] % 1000 + 1U;
        const int16_t *block = samples + start;
        size_t count = wanted < total - start ? wanted : total - start;

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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int16_t samples[LARGEST];
    const size_t total = size / 2 < LARGEST ? size / 2 : LARGEST;

    parse(data, size);
    memcpy(samples, data, total * sizeof *samples);
    stream(samples, total);
    return 0;
}
