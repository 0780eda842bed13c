/* SPDX-License-Identifier: Apache-2.0 */
#include "network.h"

#include <string.h>

enum { ALIGNMENT = 8 };

/* Columns that each layer of a stream waits for. */
static uint16_t *countdowns(const struct kws_network *network)
{
    return (uint16_t *)(void *)(network->arena + network->plan->state);
}

static int8_t *row(const struct kws_network *network, uint16_t buffer, uint32_t index)
{
    const struct kws_buffer *b = &network->plan->buffers[buffer];

    return network->arena + b->offset + index * b->row_bytes;
}

/* Drops the oldest row of a stream's buffer: where the new one goes. */
static int8_t *new_row(const struct kws_network *network, uint16_t buffer)
{
    const struct kws_buffer *b = &network->plan->buffers[buffer];
    const uint32_t held = b->rows - 1U;

    memmove(row(network, buffer, 0), row(network, buffer, 1), held * b->row_bytes);
    return row(network, buffer, held);
}

/* Goes on to the next layer that is due: of a window all are. */
static void find_due(struct kws_network *network)
{
    const struct kws_plan *plan = network->plan;

    if (plan->stride == 0) {
        return;
    }
    while (network->next < plan->layer_count && --countdowns(network)[network->next] > 0) {
        ++network->next;
    }
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
    network->ready = 0;
    for (uint16_t i = 0; plan->stride > 0 && i < plan->layer_count; ++i) {
        countdowns(network)[i] = plan->layers[i].need;
    }
}

int8_t *kws_network_input(struct kws_network *network)
{
    return row(network, network->plan->input, 0);
}

void kws_network_start(struct kws_network *network)
{
    network->next = 0;
    network->ready = 0;
    find_due(network);
}

void kws_network_push(struct kws_network *network, const int8_t *column)
{
    const uint16_t input = network->plan->input;

    memcpy(new_row(network, input), column, network->plan->buffers[input].row_bytes);
    kws_network_start(network);
}

enum kws_status kws_network_work(struct kws_network *network)
{
    const struct kws_plan *plan = network->plan;

    if (network->next < plan->layer_count) {
        const struct kws_layer *layer = &plan->layers[network->next];
        int8_t *out = row(network, layer->out, 0);

        if (plan->stride > 0) {
            countdowns(network)[network->next] = layer->every;
            out = new_row(network, layer->out);
        }
        layer->run(layer->options, row(network, layer->a, layer->first_a),
                   row(network, layer->b, layer->first_b), out, network->arena + plan->scratch);
        ++network->next;
        network->ready = network->next == plan->layer_count;
        find_due(network);
    }
    return network->next < plan->layer_count ? KWS_NOT_READY : KWS_OK;
}

const int8_t *kws_network_output(const struct kws_network *network)
{
    return network->ready ? row(network, network->plan->output, 0) : NULL;
}
