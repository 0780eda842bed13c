/* SPDX-License-Identifier: Apache-2.0 */
/* The main loop of every board: audio first, then the network's work, then sleep. */
#include "audio.h"
#include "board.h"
#include "kws.h"
#include "kws_model.h"
#include "line.h"

enum {
    FAILED = 1,
    LINE = 120,  /* bytes; a detection with a longer keyword is not printed */
    NUMBER = 11, /* bytes of any uint32_t and a NUL */
};

static uint64_t memory[KWS_MEMORY_BYTES / sizeof(uint64_t)];
static struct kws kws;

KWS_CHECK_MEMORY(memory);

/* What the detections are written between: lines that begin with "# ". */
static void banner(void)
{
    board_write("# kws ");
    board_write(kws_version());
    board_write(", model " KWS_MODEL_NAME ", ");
    board_write(board_name);
    board_write("\n");
}

static void tell_lost(uint32_t samples)
{
    char digits[NUMBER] = "";
    char *first = digits + NUMBER - 1;

    for (; samples; samples /= 10) {
        *--first = (char)('0' + samples % 10);
    }
    board_write("# lost ");
    board_write(first);
    board_write(" samples: the network takes too long\n");
}

/* The LED is on for a second of audio. */
struct light {
    uint64_t until; /* samples heard; 0 where it is off */
};

static void detected(void *context, const struct kws_detection *detection)
{
    struct light *light = context;
    char line[LINE];

    light->until = detection->end + KWS_SAMPLE_RATE;
    board_led(1);
    if (kws_line(detection, KWS_SAMPLE_RATE, line, sizeof line) == KWS_OK) {
        board_write(line);
        board_write("\n");
    }
}

/* Interrupts stay masked from the look at the queue to the sleep: see board.h. */
static void sleep_without_audio(void)
{
    size_t count;

    __asm volatile("cpsid i" ::: "memory");
    if (!audio_get(&count)) {
        board_sleep();
    }
    __asm volatile("cpsie i" ::: "memory");
}

int main(void)
{
    struct light light = {0};
    uint64_t heard = 0; /* samples */
    uint32_t lost = 0;
    size_t count;

    board_init();
    banner();
    if (kws_init(&kws, &kws_model, memory, sizeof memory, detected, &light) != KWS_OK) {
        board_write("# the model does not fit its memory: export it anew\n");
        return FAILED;
    }
    board_listen();
    for (;;) {
        const int16_t *samples = audio_get(&count);

        if (samples) {
            heard += count;
            while (kws_take(&kws, &samples, &count) == KWS_OK) {
            }
            audio_release();
        } else if (kws_work(&kws) == KWS_OK) {
            sleep_without_audio();
        }
        if (light.until && heard >= light.until) {
            light.until = 0;
            board_led(0);
        }
        if (audio_lost() != lost) {
            tell_lost(audio_lost() - lost);
            lost = audio_lost();
        }
    }
}
