/* SPDX-License-Identifier: Apache-2.0 */
#include "cmsis.h"

/* For what CMSIS-NN refuses. */
#define kws_depthwise(...) portable_depthwise(__VA_ARGS__)
static void portable_depthwise(const void *options, const int8_t *a, const int8_t *b, int8_t *out,
                               void *scratch);
#include "kernels/portable/depthwise.c"
#undef kws_depthwise

/*
 * Whether of 3 x 3 taps only the first column is on the input at the last place, as a pad that was
 * folded into the convolution can leave it: CMSIS-NN's kernel of that size reads the second, too.
 */
static int middle_outside(const struct kws_depthwise *o)
{
    const struct kws_taps *t = &o->taps;

    return t->height == 3 && t->width == 3 &&
           (o->out.width - 1) * t->stride_width + 1 >= o->in.width + t->left;
}

/* Scratch: a shift a channel, then CMSIS-NN's: what is under the kernel, widened to int16. */
void kws_depthwise(const void *options, const int8_t *a, const int8_t *b, int8_t *out,
                   void *scratch)
{
    const struct kws_depthwise *o = options;
    const struct kws_taps *t = &o->taps;
    const cmsis_nn_dims in = kws_dims(&o->in), result = kws_dims(&o->out);
    const cmsis_nn_dims filter = kws_filter(1, t, o->out.depth);
    const cmsis_nn_dims bias = {.n = 1, .h = 1, .w = 1, .c = o->out.depth};
    const cmsis_nn_dw_conv_params params = {
        .input_offset = -o->in_zero,
        .output_offset = o->output.zero,
        .ch_mult = o->out.depth / o->in.depth,
        .stride = kws_tile(t->stride_height, t->stride_width),
        .padding = kws_tile(t->top, t->left),
        .dilation = kws_tile(t->dilation_height, t->dilation_width),
        .activation = kws_limits(&o->output),
    };
    int32_t *shifts = scratch;
    cmsis_nn_context context = {.buf = shifts + o->out.depth};
    cmsis_nn_per_channel_quant_params channels;

    if (middle_outside(o) ||
        !kws_channels(&channels, shifts, o->multiplier, o->shift, o->out.depth) ||
        arm_depthwise_conv_wrapper_s8(&context, &params, &channels, &in, a, &filter, o->weights,
                                      &bias, o->bias, &result, out) != ARM_CMSIS_NN_SUCCESS) {
        portable_depthwise(options, a, b, out, scratch);
    }
}
