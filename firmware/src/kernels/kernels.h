/* SPDX-License-Identifier: Apache-2.0 */
/* What a layer computes: the calls that every backend provides, equal bit for bit. */
#ifndef KWS_KERNELS_H
#define KWS_KERNELS_H

#include <stdint.h>

/*
 * An activation is int8 [height][width][depth]: time, frequency, channels. A value is
 * scale * (code - zero); the arithmetic is TFLite's, with gemmlowp's double rounding, which
 * app/kws/golden_int8.py states.
 *
 * All kernels are called alike: options (of the kernel's own struct), one input or two (`b` is
 * not read where there is one), the output, and scratch memory of as many bytes as the kernel needs
 * (app/kws/plan.py counts them), aligned to 4. Input and output never overlap.
 */
struct kws_shape {
    uint16_t height;
    uint16_t width;
    uint16_t depth;
};

/* Where the places of a kernel or a pool lie; what lies outside is padding. */
struct kws_taps {
    uint16_t height, width;
    uint16_t stride_height, stride_width;
    uint16_t dilation_height, dilation_width;
    uint16_t top, left; /* rows and columns of padding before the input */
};

/* From sums to codes: limits are those of the fused activation. */
struct kws_output {
    int32_t zero;
    int8_t low, high;
};

/* Convolution: weights [out.depth][taps.height][taps.width][in.depth], a multiplier a channel. */
struct kws_conv {
    struct kws_shape in, out;
    struct kws_taps taps;
    struct kws_output output;
    int32_t in_zero;
    const int8_t *weights;
    const int32_t *bias;       /* [out.depth], or null */
    const int32_t *multiplier; /* [out.depth] Q31 */
    const int8_t *shift;       /* [out.depth] left where positive */
};

/* Depthwise: weights [taps.height][taps.width][out.depth], out.depth a multiple of in.depth. */
struct kws_depthwise {
    struct kws_shape in, out;
    struct kws_taps taps;
    struct kws_output output;
    int32_t in_zero;
    const int8_t *weights;
    const int32_t *bias;
    const int32_t *multiplier;
    const int8_t *shift;
};

/* Fully connected: weights [units][inputs], one multiplier for all. */
struct kws_dense {
    uint32_t inputs, units;
    struct kws_output output;
    int32_t in_zero;
    const int8_t *weights;
    const int32_t *bias;
    int32_t multiplier;
    int32_t shift;
};

/*
 * Weights of one bit: magnitude where the bit is set, -magnitude where it is not.
 *
 * The bits of an output channel lie in 32-bit words, least significant first, in the order of
 * the int8 weights; a channel starts a new word and the bits left over in its last are 0.
 */
struct kws_bits {
    const uint32_t *words; /* [channels][words a channel] */
    int32_t magnitude;     /* 1 to 128 */
};

struct kws_conv_1bit {
    struct kws_shape in, out;
    struct kws_taps taps;
    struct kws_output output;
    int32_t in_zero;
    struct kws_bits weights;
    const int32_t *bias;
    const int32_t *multiplier;
    const int8_t *shift;
};

struct kws_dense_1bit {
    uint32_t inputs, units;
    struct kws_output output;
    int32_t in_zero;
    struct kws_bits weights;
    const int32_t *bias;
    int32_t multiplier;
    int32_t shift;
};

/* Pools; an average is rounded to the nearest, ties away from zero, over what lies inside. */
struct kws_pool {
    struct kws_shape in, out;
    struct kws_taps taps;
    struct kws_output output;
};

/* Mean over height and width, or over one of them. */
struct kws_mean {
    struct kws_shape in;
    uint8_t over_height, over_width;
    struct kws_output output;
    int32_t in_zero;
    int32_t multiplier; /* the division by the count is in it */
    int32_t shift;
};

/* Sum of two activations of one shape, or of one and a constant. */
struct kws_add {
    uint32_t count;
    struct kws_output output;
    int32_t a_zero, a_multiplier, a_shift;
    int32_t b_zero, b_multiplier, b_shift;
    int32_t multiplier, shift;
    const int8_t *constant; /* [count] instead of b, or null */
};

/* Zeros around an activation. */
struct kws_pad {
    struct kws_shape in, out;
    uint16_t top, left;
    int8_t zero;
};

/* Another scale, another zero point, limits: RELU, MINIMUM, QUANTIZE on their own. */
struct kws_rescale {
    uint32_t count;
    struct kws_output output;
    int32_t in_zero;
    int32_t multiplier;
    int32_t shift;
};

/* Softmax over rows of `depth`: to scale 1/256 and zero point -128. */
struct kws_softmax {
    uint32_t rows, depth;
    int32_t multiplier;
    int32_t shift;
    int32_t lowest; /* differences to the largest below this one count as 0 */
};

void kws_conv(const void *options, const int8_t *a, const int8_t *b, int8_t *out, void *scratch);
void kws_depthwise(const void *options, const int8_t *a, const int8_t *b, int8_t *out,
                   void *scratch);
void kws_dense(const void *options, const int8_t *a, const int8_t *b, int8_t *out, void *scratch);
void kws_conv_1bit(const void *options, const int8_t *a, const int8_t *b, int8_t *out,
                   void *scratch);
void kws_dense_1bit(const void *options, const int8_t *a, const int8_t *b, int8_t *out,
                    void *scratch);
void kws_max_pool(const void *options, const int8_t *a, const int8_t *b, int8_t *out,
                  void *scratch);
void kws_average_pool(const void *options, const int8_t *a, const int8_t *b, int8_t *out,
                      void *scratch);
void kws_mean(const void *options, const int8_t *a, const int8_t *b, int8_t *out, void *scratch);
void kws_add(const void *options, const int8_t *a, const int8_t *b, int8_t *out, void *scratch);
void kws_pad(const void *options, const int8_t *a, const int8_t *b, int8_t *out, void *scratch);
void kws_rescale(const void *options, const int8_t *a, const int8_t *b, int8_t *out, void *scratch);
void kws_softmax(const void *options, const int8_t *a, const int8_t *b, int8_t *out, void *scratch);

#endif
