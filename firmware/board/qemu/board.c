/* SPDX-License-Identifier: Apache-2.0 */
/*
 * board.h on QEMU's MPS2 machines: the microphone is a recording on the host, by semihosting.
 *
 * Arguments: FILE.wav or FILE.raw (no spaces in its name), then how its blocks come. Without more,
 * a whole block whenever the processor sleeps; with a number, the seed, blocks of random lengths;
 * with `paced`, by an interrupt at the recording's own rate, whether there is time or not.
 */
#include "board.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audio.h"
#include "wav.h"

enum {
    FAILED = 1,
    COMMAND_LINE = 1024, /* bytes */
    UNPAINTED = 64,      /* bytes of stack that its painter leaves alone */
    HEAP = 4096,         /* bytes, for the C library's one open file */
};

/* Semihosting for AArch32, 6: operations. */
enum {
    SYS_WRITE0 = 0x04,
    SYS_GET_CMDLINE = 0x15,
    SYS_EXIT_EXTENDED = 0x20,
    APPLICATION_EXIT = 0x20026,
};

/* A timer of the Cortex-M System Design Kit, DDI 0479 4.4, as in AN386 and AN500, 3.9. */
struct timer {
    volatile uint32_t CTRL, VALUE, RELOAD, INTCLEAR;
};

enum {
    TIMER_HZ = 25000000,
    TIMER_INTERRUPT = 8,
    CTRL_ENABLE = 1 << 0,
    CTRL_INTERRUPT = 1 << 3,
};

#define TIMER0 ((struct timer *)UINT32_C(0x40000000))
#define NVIC_ISER (*(volatile uint32_t *)UINT32_C(0xE000E100))

const char board_name[] = KWS_BOARD;

extern uint32_t stack_bottom[], stack_top[];
static const uint32_t PAINT = 0x5aa55aa5;

static struct kws_wav recording;
static uint32_t seed; /* 0 for whole blocks */
static int paced;
static volatile int ended;

void initialise_monitor_handles(void);
void *_sbrk(int bytes);

/* newlib's own looks for the heap's end at the stack, which lies below it here. */
void *_sbrk(int bytes)
{
    static uint64_t heap[HEAP / sizeof(uint64_t)];
    static int used;

    if (bytes > HEAP - used) {
        board_stop(FAILED);
    }
    used += bytes;
    return (char *)heap + used - bytes;
}

static long semihost(long operation, const void *argument)
{
    register long r0 __asm("r0") = operation;
    register const void *r1 __asm("r1") = argument;

    __asm volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
    return r0;
}

void board_stop(int status)
{
    const uint32_t reason[] = {APPLICATION_EXIT, (uint32_t)status};

    semihost(SYS_EXIT_EXTENDED, reason);
    for (;;) {
    }
}

void board_write(const char *text)
{
    semihost(SYS_WRITE0, text);
}

static void fail(const char *what, const char *why)
{
    board_write("# ");
    board_write(what);
    board_write(": ");
    board_write(why);
    board_write("\n");
    board_stop(FAILED);
}

void board_led(int on)
{
    board_write(on ? "# LED on\n" : "# LED off\n");
}

void board_init(void)
{
    const uint32_t *end = (uint32_t *)__builtin_frame_address(0) - UNPAINTED / sizeof *end;

    for (uint32_t *word = stack_bottom; word < end; word++) {
        *word = PAINT;
    }
    initialise_monitor_handles();
}

/* Says how much of the stack was ever touched, and ends. */
static void finish(void)
{
    const uint32_t *word = stack_bottom;
    char text[60];

    while (*word == PAINT) {
        word++;
    }
    snprintf(text, sizeof text, "# stack: %u of %u bytes\n",
             (unsigned)((size_t)(stack_top - word) * sizeof *word),
             (unsigned)((size_t)(stack_top - stack_bottom) * sizeof *word));
    board_write(text);
    board_stop(0);
}

static void open_recording(const char *path)
{
    FILE *file = fopen(path, "rb");
    const size_t length = strlen(path);

    if (!file) {
        fail(path, "cannot be opened");
    }
    if (length > 4 && strcmp(path + length - 4, ".raw") == 0) {
        recording = (struct kws_wav){.file = file, .left = UINT32_MAX};
    } else if (kws_wav_open(&recording, file) != KWS_WAV_OK || recording.rate != KWS_SAMPLE_RATE) {
        fail(path, "expected mono 16-bit PCM at the model's sample rate");
    }
}

/* xorshift32, Marsaglia 2003. */
static uint32_t next_random(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 17;
    seed ^= seed << 5;
    return seed;
}

static void read_block(void)
{
    int16_t lost[AUDIO_BLOCK];
    int16_t *samples = audio_next();
    const size_t wanted = seed ? 1 + next_random() % AUDIO_BLOCK : AUDIO_BLOCK;
    const size_t count = kws_wav_read(&recording, samples ? samples : lost, wanted);

    ended = count < wanted;
    if (samples && count) {
        audio_put(count);
    }
}

static void on_timer(void)
{
    TIMER0->INTCLEAR = 1;
    if (!ended) {
        read_block();
    }
}

const board_interrupt board_interrupts[] BOARD_INTERRUPTS = {[TIMER_INTERRUPT] = on_timer};

static void read_arguments(char *line)
{
    const struct {
        char *text;
        uint32_t size;
    } block = {line, COMMAND_LINE};

    if (semihost(SYS_GET_CMDLINE, &block) != 0) {
        fail("arguments", "longer than expected");
    }
}

void board_listen(void)
{
    static char line[COMMAND_LINE];

    read_arguments(line);
    strtok(line, " "); /* the program's name */

    const char *path = strtok(NULL, " ");
    const char *how = strtok(NULL, " ");

    if (!path) {
        fail("arguments", "expected FILE.wav or FILE.raw [SEED | paced]");
    }
    open_recording(path);
    paced = how && strcmp(how, "paced") == 0;
    seed = how && !paced ? (uint32_t)strtoul(how, NULL, 10) : 0;
    if (paced) {
        TIMER0->RELOAD = TIMER0->VALUE =
            (uint32_t)(AUDIO_BLOCK * UINT64_C(1) * TIMER_HZ / KWS_SAMPLE_RATE) - 1;
        NVIC_ISER = UINT32_C(1) << TIMER_INTERRUPT;
        TIMER0->CTRL = CTRL_ENABLE | CTRL_INTERRUPT;
    }
}

void board_sleep(void)
{
    if (ended) {
        finish();
    } else if (paced) {
        __asm volatile("wfi");
    } else {
        read_block();
    }
}
