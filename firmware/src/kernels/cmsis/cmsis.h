/* SPDX-License-Identifier: Apache-2.0 */
/* Ours to CMSIS-NN's: shapes, taps, limits, shifts. */
#ifndef KWS_CMSIS_H
#define KWS_CMSIS_H

#include <arm_nnfunctions.h>

#include "kernels/kernels.h"

static inline cmsis_nn_dims kws_dims(const struct kws_shape *shape)
{
    return (cmsis_nn_dims){.n = 1, .h = shape->height, .w = shape->width, .c = shape->depth};
}

static inline cmsis_nn_dims kws_filter(int32_t n, const struct kws_taps *taps, int32_t depth)
{
    return (cmsis_nn_dims){.n = n, .h = taps->height, .w = taps->width, .c = depth};
}

static inline cmsis_nn_tile kws_tile(int32_t height, int32_t width)
{
    return (cmsis_nn_tile){.h = height, .w = width};
}

static inline cmsis_nn_activation kws_limits(const struct kws_output *output)
{
    return (cmsis_nn_activation){.min = output->low, .max = output->high};
}

/*
 * Multipliers and shifts of all channels, the shifts as CMSIS-NN has them in `shifts`. 0 where
 * one is to the left: there CMSIS-NN lets sums overflow, where TFLite saturates them.
 */
static inline int kws_channels(cmsis_nn_per_channel_quant_params *params, int32_t *shifts,
                               const int32_t *multiplier, const int8_t *shift, uint32_t channels)
{
    for (uint32_t c = 0; c < channels; ++c) {
        if (shift[c] > 0) {
            return 0;
        }
        shifts[c] = shift[c];
    }
    /* CMSIS-NN does not write through the pointer that it takes without const */
    params->multiplier = (int32_t *)(uintptr_t)multiplier;
    params->shift = shifts;
    return 1;
}

#endif
