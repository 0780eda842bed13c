/* SPDX-License-Identifier: Apache-2.0 */
#include "network.h"

#include <string.h>

enum { ALIGNMENT = 8 };

static int8_t *row(const struct kws_network *network, uint16_t buffer, uint32_t index)
{
    const struct kws_buffer *b = &network->plan->buffers[buffer];

    return network->arena + b->offset + index * b->row_bytes;
}

/* Drops the oldest rows of a buffer: where as many new ones go. */
static int8_t *new_rows(const struct kws_network *network, uint16_t buffer, uint32_t count)
{
    const struct kws_buffer *b = &network->plan->buffers[buffer];
    const uint32_t held = b->rows - count;

    memmove(row(network, buffer, 0), row(network, buffer, count), held * b->row_bytes);
    return row(network, buffer, held);
}

enum kws_status kws_network_init(struct kws_network *network, const struct kws_plan *plan,
                                 void *arena, size_t bytes)
{
    if (!network || !plan || !arena || (uintptr_t)arena % ALIGNMENT != 0 || bytes == 0 ||
        bytes < plan->arena) {
        return KWS_BAD_ARGUMENT;
    }
    *network = (struct kws_network){.plan = plan, .arena = arena};
    kws_network_reset(network);
    return KWS_OK;
}

void kws_network_reset(struct kws_network *network)
{
    const struct kws_plan *plan = network->plan;

    network->next = plan->layer_count;
    network->due = 0;
    network->missing = plan->columns;
    if (plan->stride > 0) {
        network->wait = (uint16_t)((plan->columns - 1) % plan->stride + 1);
    }
}

int8_t *kws_network_input(struct kws_network *network)
{
    return row(network, network->plan->input, 0);
}

void kws_network_start(struct kws_network *network)
{
    network->next = 0;
    network->due = 1;
    network->missing = 0;
}

void kws_network_push(struct kws_network *network, const int8_t *column)
{
    const struct kws_plan *plan = network->plan;

    memcpy(new_rows(network, plan->input, 1), column, plan->buffers[plan->input].row_bytes);
    network->due = --network->wait == 0;
    if (network->due) {
        network->next = 0;
        network->wait = plan->stride;
    }
    if (network->missing > 0) {
        --network->missing;
    }
}

enum kws_status kws_network_work(struct kws_network *network)
{
    const struct kws_plan *plan = network->plan;

    if (network->next < plan->layer_count) {
        const struct kws_layer *layer = &plan->layers[network->next];

        layer->run(layer->options, row(network, layer->a, layer->first_a),
                   row(network, layer->b, layer->first_b),
                   new_rows(network, layer->out, layer->rows), network->arena + plan->scratch);
        ++network->next;
    }
    return network->next < plan->layer_count ? KWS_NOT_READY : KWS_OK;
}

const int8_t *kws_network_output(const struct kws_network *network)
{
    const int there = network->next == network->plan->layer_count && network->due;

    return there && network->missing == 0 ? row(network, network->plan->output, 0) : NULL;
}
