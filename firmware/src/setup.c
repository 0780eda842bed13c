/* SPDX-License-Identifier: Apache-2.0 */
/* The chain's memory: how it is shared out, and what a model must be to run in it. */
#include "kws.h"

#ifndef KWS_VERSION
#error "KWS_VERSION is not defined; the build takes it from app/kws/__init__.py"
#endif

/* Where the stages' memory lies: offsets from the caller's, each aligned to 8. */
struct layout {
    size_t arena, work, sums, frame, history, fifo, column;
    size_t end;
};

static size_t claim(struct layout *layout, size_t bytes)
{
    const size_t at = layout->end;

    layout->end += (bytes + 7) / 8 * 8;
    return at;
}

static struct layout lay_out(const struct kws_model *model)
{
    const struct kws_tables *t = model->front_end;
    const size_t window = model->plan->stride ? 0 : (size_t)t->columns * t->coefficients;
    struct layout layout = {.end = 0};

    layout.arena = claim(&layout, model->plan->arena);
    layout.work = claim(&layout, t->window * sizeof(int32_t));
    layout.sums = claim(&layout, model->label_count * sizeof(uint32_t));
    layout.frame = claim(&layout, t->window * sizeof(int16_t));
    layout.history = claim(&layout, (size_t)model->smoothing * model->label_count);
    layout.fifo = claim(&layout, window);
    layout.column = claim(&layout, t->coefficients);
    return layout;
}

/* A stream's outputs must fall where decisions do. */
static int in_step(const struct kws_model *model)
{
    const struct kws_plan *plan = model->plan;
    const uint32_t columns = model->front_end->columns;

    return plan->stride == 0 ||
           (model->hop % plan->stride == 0 && plan->columns > 0 && plan->columns <= columns &&
            (columns - plan->columns) % plan->stride == 0);
}

/* Whether front-end, network, labels and decision fit together. */
static int is_whole(const struct kws_model *model)
{
    if (!model || !model->front_end || !model->plan || model->smoothing == 0 || model->hop == 0 ||
        model->plan->layer_count == 0) {
        return 0;
    }

    const struct kws_tables *t = model->front_end;
    const struct kws_buffer *in = &model->plan->buffers[model->plan->input];
    const struct kws_buffer *out = &model->plan->buffers[model->plan->output];

    return in->row_bytes == t->coefficients && (model->plan->stride || in->rows == t->columns) &&
           out->row_bytes * out->rows == model->label_count && in_step(model);
}

const char *kws_version(void)
{
    return KWS_VERSION;
}

size_t kws_memory(const struct kws_model *model)
{
    return is_whole(model) ? lay_out(model).end : 0;
}

enum kws_status kws_init(struct kws *kws, const struct kws_model *model, void *memory, size_t bytes,
                         void (*detected)(void *context, const struct kws_detection *detection),
                         void *context)
{
    const size_t needed = kws_memory(model);

    if (!kws || !memory || !detected || needed == 0 || bytes < needed || (uintptr_t)memory % 8) {
        return KWS_BAD_ARGUMENT;
    }

    const struct kws_tables *t = model->front_end;
    const struct layout at = lay_out(model);
    int8_t *base = memory;

    *kws = (struct kws){.column = base + at.column, .detected = detected, .context = context};
    if (kws_ring_init(&kws->ring, (int16_t *)(void *)(base + at.frame), t->window, t->hop) ||
        kws_mfcc_init(&kws->mfcc, t, (int32_t *)(void *)(base + at.work)) ||
        kws_columns_init(&kws->fifo, base + at.fifo, t->columns, t->coefficients) ||
        kws_network_init(&kws->network, model->plan, base + at.arena, model->plan->arena) ||
        kws_smooth_init(&kws->smooth, (uint8_t *)base + at.history,
                        (uint32_t *)(void *)(base + at.sums), model->label_count,
                        model->smoothing) ||
        kws_decide_init(&kws->decide, model)) {
        return KWS_BAD_ARGUMENT;
    }
    kws->model = model; /* last: without it every call refuses */
    return KWS_OK;
}

enum kws_status kws_reset(struct kws *kws)
{
    if (!kws || !kws->model) {
        return KWS_BAD_ARGUMENT;
    }
    kws_ring_reset(&kws->ring);
    kws_columns_reset(&kws->fifo);
    kws_network_reset(&kws->network);
    kws_smooth_reset(&kws->smooth);
    kws_decide_reset(&kws->decide);
    kws->columns = 0;
    kws->judged = 0;
    kws->working = 0;
    return KWS_OK;
}
