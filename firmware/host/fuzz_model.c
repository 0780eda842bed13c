/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz_model.h"

#include "frontend.h"
#include "kernels/kernels.h"

enum {
    COLUMNS = 5, /* fewer than a model's, to see them wrap around */
    LABELS = 3,
    INPUTS = COLUMNS * KWS_COEFFICIENTS,
    ONE = 1 << 30, /* as a Q31 multiplier with a shift of 1 */

    COLUMNS_AT = 0, /* in the arena, in steps of 8 */
    SUMS_AT = (INPUTS + 7) / 8 * 8,
    CODES_AT = SUMS_AT + 8,
    SCRATCH_AT = CODES_AT + 8,
    ARENA = SCRATCH_AT + (4 * INPUTS + 7) / 8 * 8,
};

static int8_t weights[LABELS * INPUTS];
static const int32_t multipliers[LABELS] = {ONE, ONE, ONE};
static const int8_t shifts[LABELS] = {-8, -8, -8};

static const struct kws_conv all_columns = {
    .in = {COLUMNS, 1, KWS_COEFFICIENTS},
    .out = {1, 1, LABELS},
    .taps = {COLUMNS, 1, 1, 1, 1, 1, 0, 0},
    .output = {0, -128, 127},
    .weights = weights,
    .multiplier = multipliers,
    .shift = shifts,
};
static const struct kws_rescale same = {
    .count = LABELS, .output = {0, -128, 127}, .multiplier = ONE, .shift = 1};

static const struct kws_layer layers[] = {
    {kws_conv, &all_columns, .a = 0, .b = 0, .out = 1, .rows = 1},
    {kws_rescale, &same, .a = 1, .b = 1, .out = 2, .rows = 1},
};
static const struct kws_buffer buffers[] = {
    {COLUMNS_AT, KWS_COEFFICIENTS, COLUMNS},
    {SUMS_AT, LABELS, 1},
    {CODES_AT, LABELS, 1},
};
static const struct kws_plan window_plan = {
    .layers = layers,
    .buffers = buffers,
    .layer_count = 2,
    .buffer_count = 3,
    .output = 2,
    .arena = ARENA,
    .scratch = SCRATCH_AT,
};
static const struct kws_plan stream_plan = {
    .layers = layers,
    .buffers = buffers,
    .layer_count = 2,
    .buffer_count = 3,
    .output = 2,
    .stride = 1,
    .columns = COLUMNS,
    .arena = ARENA,
    .scratch = SCRATCH_AT,
};

const struct fuzz_models *fuzz_models(void)
{
    static const char *const labels[LABELS] = {"one", "two", "_other_"};
    static const uint8_t thresholds[LABELS] = {140, 120, 0};
    static struct kws_tables front_end;
    static struct fuzz_models models;
    uint32_t random = 1;

    front_end = kws_frontend;
    front_end.columns = COLUMNS;
    for (int i = 0; i < LABELS * INPUTS; i++) {
        random = random * 1664525U + 1013904223U;
        weights[i] = (int8_t)((int32_t)(random >> 24) - 128);
    }
    models.window = (struct kws_model){
        .front_end = &front_end,
        .plan = &window_plan,
        .labels = labels,
        .thresholds = thresholds,
        .label_count = LABELS,
        .smoothing = 2,
        .refractory = 2,
        .hop = 1,
    };
    models.stream = models.window;
    models.stream.plan = &stream_plan;
    return &models;
}
