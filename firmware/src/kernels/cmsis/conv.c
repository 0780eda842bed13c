/* SPDX-License-Identifier: Apache-2.0 */
#include "cmsis.h"

/* For what CMSIS-NN refuses. */
#define kws_conv(...) portable_conv(__VA_ARGS__)
static void portable_conv(const void *options, const int8_t *a, const int8_t *b, int8_t *out,
                          void *scratch);
#include "kernels/portable/conv.c"
#undef kws_conv

/*
 * Whether the last places lie wholly in padding behind the input, as a pad that was folded into the
 * convolution can leave them: CMSIS-NN's kernels of one row or one place read on there.
 */
static int ends_outside(const struct kws_conv *o)
{
    const struct kws_taps *t = &o->taps;

    return (o->out.height - 1) * t->stride_height >= o->in.height + t->top ||
           (o->out.width - 1) * t->stride_width >= o->in.width + t->left;
}

/* Scratch: a shift a channel, then CMSIS-NN's: two columns under the kernel, widened to int16. */
void kws_conv(const void *options, const int8_t *a, const int8_t *b, int8_t *out, void *scratch)
{
    const struct kws_conv *o = options;
    const struct kws_taps *t = &o->taps;
    const cmsis_nn_dims in = kws_dims(&o->in), result = kws_dims(&o->out);
    const cmsis_nn_dims filter = kws_filter(o->out.depth, t, o->in.depth);
    const cmsis_nn_dims bias = {.n = 1, .h = 1, .w = 1, .c = o->out.depth};
    const cmsis_nn_conv_params params = {
        .input_offset = -o->in_zero,
        .output_offset = o->output.zero,
        .stride = kws_tile(t->stride_height, t->stride_width),
        .padding = kws_tile(t->top, t->left),
        .dilation = kws_tile(t->dilation_height, t->dilation_width),
        .activation = kws_limits(&o->output),
    };
    int32_t *shifts = scratch;
    cmsis_nn_context context = {.buf = shifts + o->out.depth};
    cmsis_nn_per_channel_quant_params channels;

    if (ends_outside(o) ||
        !kws_channels(&channels, shifts, o->multiplier, o->shift, o->out.depth) ||
        arm_convolve_wrapper_s8(&context, &params, &channels, &in, a, &filter, o->weights, &bias,
                                o->bias, &result, out) != ARM_CMSIS_NN_SUCCESS) {
        portable_conv(options, a, b, out, scratch);
    }
}
