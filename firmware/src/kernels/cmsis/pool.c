/* SPDX-License-Identifier: Apache-2.0 */
#include "cmsis.h"

typedef arm_cmsis_nn_status pool(const cmsis_nn_context *context,
                                 const cmsis_nn_pool_params *params, const cmsis_nn_dims *in,
                                 const int8_t *a, const cmsis_nn_dims *filter,
                                 const cmsis_nn_dims *result, int8_t *out);

static void run(pool *function, const struct kws_pool *o, const int8_t *a, int8_t *out,
                void *scratch)
{
    const struct kws_taps *t = &o->taps;
    const cmsis_nn_dims in = kws_dims(&o->in), result = kws_dims(&o->out);
    const cmsis_nn_dims filter = kws_filter(1, t, 1);
    const cmsis_nn_pool_params params = {
        .stride = kws_tile(t->stride_height, t->stride_width),
        .padding = kws_tile(t->top, t->left),
        .activation = kws_limits(&o->output),
    };
    const cmsis_nn_context context = {.buf = scratch};

    (void)function(&context, &params, &in, a, &filter, &result, out);
}

void kws_max_pool(const void *options, const int8_t *a, const int8_t *b, int8_t *out, void *scratch)
{
    (void)b;
    run(arm_max_pool_s8, options, a, out, scratch);
}

/* Scratch: a sum a channel, int32_t. */
void kws_average_pool(const void *options, const int8_t *a, const int8_t *b, int8_t *out,
                      void *scratch)
{
    (void)b;
    run(arm_avgpool_s8, options, a, out, scratch);
}
