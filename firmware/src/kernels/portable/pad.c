/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "kernels/kernels.h"

void kws_pad(const void *options, const int8_t *a, const int8_t *b, int8_t *out, void *scratch)
{
    const struct kws_pad *o = options;
    const size_t in_row = (size_t)o->in.width * o->in.depth;
    const size_t out_row = (size_t)o->out.width * o->out.depth;
    (void)b;
    (void)scratch;

    memset(out, o->zero, o->out.height * out_row);
    for (uint32_t y = 0; y < o->in.height; ++y) {
        memcpy(out + (o->top + y) * out_row + (size_t)o->left * o->out.depth, a + y * in_row,
               in_row);
    }
}
