/* SPDX-License-Identifier: Apache-2.0 */
#include "cmsis.h"

/* For what CMSIS-NN refuses. */
#define kws_dense(...) portable_dense(__VA_ARGS__)
static void portable_dense(const void *options, const int8_t *a, const int8_t *b, int8_t *out,
                           void *scratch);
#include "kernels/portable/dense.c"
#undef kws_dense

void kws_dense(const void *options, const int8_t *a, const int8_t *b, int8_t *out, void *scratch)
{
    const struct kws_dense *o = options;
    const cmsis_nn_dims in = {.n = 1, .h = 1, .w = 1, .c = (int32_t)o->inputs};
    const cmsis_nn_dims filter = {.n = (int32_t)o->inputs, .h = 1, .w = 1, .c = (int32_t)o->units};
    const cmsis_nn_dims units = {.n = 1, .h = 1, .w = 1, .c = (int32_t)o->units};
    const cmsis_nn_fc_params params = {
        .input_offset = -o->in_zero,
        .output_offset = o->output.zero,
        .activation = kws_limits(&o->output),
    };
    const cmsis_nn_per_tensor_quant_params factor = {o->multiplier, o->shift};
    const cmsis_nn_context context = {.buf = NULL};

    if (o->shift > 0 ||
        arm_fully_connected_s8(&context, &params, &factor, &in, a, &filter, o->weights, &units,
                               o->bias, &units, out) != ARM_CMSIS_NN_SUCCESS) {
        portable_dense(options, a, b, out, scratch);
    }
}
