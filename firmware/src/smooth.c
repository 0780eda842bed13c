/* SPDX-License-Identifier: Apache-2.0 */
#include "smooth.h"

#include <stddef.h>
#include <string.h>

enum kws_status kws_smooth_init(struct kws_smooth *smooth, uint8_t *history, uint32_t *sums,
                                uint16_t labels, uint16_t length)
{
    if (!smooth || !history || !sums || labels == 0 || length == 0) {
        return KWS_BAD_ARGUMENT;
    }
    *smooth =
        (struct kws_smooth){.history = history, .sums = sums, .labels = labels, .length = length};
    return kws_smooth_reset(smooth);
}

enum kws_status kws_smooth_reset(struct kws_smooth *smooth)
{
    if (!smooth || !smooth->history || !smooth->sums) {
        return KWS_BAD_ARGUMENT;
    }
    memset(smooth->history, 0, (size_t)smooth->length * smooth->labels);
    memset(smooth->sums, 0, smooth->labels * sizeof *smooth->sums);
    smooth->next = 0;
    smooth->count = 0;
    return KWS_OK;
}

enum kws_status kws_smooth_push(struct kws_smooth *smooth, const int8_t *posteriors)
{
    if (!smooth || !smooth->history || !smooth->sums || !posteriors) {
        return KWS_BAD_ARGUMENT;
    }

    uint8_t *oldest = smooth->history + (size_t)smooth->next * smooth->labels;

    for (uint16_t i = 0; i < smooth->labels; i++) {
        const uint8_t code = (uint8_t)(posteriors[i] + 128);

        smooth->sums[i] += code;
        smooth->sums[i] -= oldest[i];
        oldest[i] = code;
    }
    smooth->next = (uint16_t)(smooth->next + 1 < smooth->length ? smooth->next + 1 : 0);
    smooth->count = (uint16_t)(smooth->count + (smooth->count < smooth->length));
    return KWS_OK;
}
