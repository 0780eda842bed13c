/* SPDX-License-Identifier: Apache-2.0 */
/* Runs each window's plan of `plans` on an input from standard input, and writes its output. */
#include <stdio.h>
#include <stdlib.h>

#include "network.h"

extern const struct kws_plan *const plans[]; /* the last one is null */

static int run(const struct kws_plan *plan)
{
    const struct kws_buffer *in = &plan->buffers[plan->input];
    const struct kws_buffer *out = &plan->buffers[plan->output];
    const size_t in_bytes = (size_t)in->row_bytes * in->rows;
    const size_t out_bytes = (size_t)out->row_bytes * out->rows;
    void *arena = malloc(plan->arena);
    struct kws_network network;
    int ok = arena && kws_network_init(&network, plan, arena, plan->arena) == KWS_OK &&
             fread(kws_network_input(&network), 1, in_bytes, stdin) == in_bytes;

    if (ok) {
        kws_network_start(&network);
        while (kws_network_work(&network) == KWS_NOT_READY) {
        }
        ok = fwrite(kws_network_output(&network), 1, out_bytes, stdout) == out_bytes;
    }
    free(arena);
    return ok;
}

int main(void)
{
    for (const struct kws_plan *const *plan = plans; *plan; plan++) {
        if (!run(*plan)) {
            return 1;
        }
    }
    return 0;
}
