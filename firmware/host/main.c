/* SPDX-License-Identifier: Apache-2.0 */
/* kws_host: the firmware's detector as a program on this machine. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "frontend.h"
#include "kws.h"
#include "kws_model.h"
#include "wav.h"

enum {
    FAILED = 1,
    USAGE = 2,
    BLOCK = 1000, /* samples read at a time; any number gives the same */
    LINE = 200,   /* bytes, for keywords of up to LINE - KWS_LINE_BYTES */
};

static const char HELP[] =
    "usage: kws_host --listen FILE.wav | --columns FILE.wav\n"
    "\n"
    "  --listen FILE.wav   print the keywords in a mono 16-bit PCM recording, as kws-listen does\n"
    "  --columns FILE.wav  print the front-end's columns of it, one line each, decimal\n"
    "  --help              print this\n"
    "  --version           print the version\n";

static int fail(const char *path, const char *why)
{
    fprintf(stderr, "kws_host: %s: %s\n", path, why);
    return FAILED;
}

static void print_column(const int8_t *column)
{
    for (int i = 0; i < KWS_COEFFICIENTS; i++) {
        printf(i ? " %d" : "%d", column[i]);
    }
    putchar('\n');
}

/* The front-end alone; KWS_NOT_READY where there are no samples. */
static enum kws_status print_columns(struct kws_wav *wav)
{
    static int16_t frame[KWS_WINDOW];
    static int32_t work[KWS_WINDOW];
    int16_t block[BLOCK];
    int8_t column[KWS_COEFFICIENTS];
    struct kws_ring ring;
    struct kws_mfcc mfcc;
    enum kws_status status = KWS_NOT_READY;
    size_t count;

    if (kws_ring_init(&ring, frame, KWS_WINDOW, KWS_HOP) != KWS_OK ||
        kws_mfcc_init(&mfcc, &kws_frontend, work) != KWS_OK) {
        return KWS_BAD_ARGUMENT;
    }
    while ((count = kws_wav_read(wav, block, BLOCK)) > 0) {
        const int16_t *samples = block;

        status = KWS_OK;
        while (kws_ring_push(&ring, &samples, &count) == KWS_OK) {
            if (kws_mfcc_column(&mfcc, ring.frame, column) != KWS_OK) {
                return KWS_BAD_ARGUMENT;
            }
            print_column(column);
        }
    }
    return status;
}

static void print_detection(void *context, const struct kws_detection *detection)
{
    enum kws_status *status = context;
    char line[LINE];

    if (kws_line(detection, KWS_SAMPLE_RATE, line, sizeof line) == KWS_OK) {
        puts(line);
    } else {
        *status = KWS_BAD_ARGUMENT;
    }
}

/* The whole chain; KWS_NOT_READY where there are no samples. */
static enum kws_status print_detections(struct kws_wav *wav)
{
    static uint64_t memory[KWS_MEMORY_BYTES / sizeof(uint64_t)];
    int16_t block[BLOCK];
    struct kws kws;
    enum kws_status printed = KWS_OK;
    enum kws_status status = KWS_NOT_READY;
    size_t count;

    if (kws_init(&kws, &kws_model, memory, sizeof memory, print_detection, &printed) != KWS_OK) {
        return KWS_BAD_ARGUMENT;
    }
    while (printed == KWS_OK && (count = kws_wav_read(wav, block, BLOCK)) > 0) {
        status = kws_feed(&kws, block, count);
    }
    return printed == KWS_OK ? status : printed;
}

static int read_wav(const char *path, FILE *file, enum kws_status (*print)(struct kws_wav *wav))
{
    char why[160];
    struct kws_wav wav;

    switch (kws_wav_open(&wav, file)) {
    case KWS_WAV_OK:
        break;
    case KWS_WAV_FORMAT:
        snprintf(why, sizeof why,
                 "encoding %u, %u channels, %u bits; expected PCM (encoding 1), mono, 16 bits",
                 wav.encoding, wav.channels, wav.bits);
        return fail(path, why);
    case KWS_WAV_BROKEN:
        return fail(path, "a damaged WAV file: it ends before its samples start");
    case KWS_WAV_NOT_WAVE:
    default:
        return fail(path, "not a WAV file");
    }
    if (wav.rate != KWS_SAMPLE_RATE) {
        snprintf(why, sizeof why, "%lu Hz; expected %d Hz", (unsigned long)wav.rate,
                 KWS_SAMPLE_RATE);
        return fail(path, why);
    }

    const enum kws_status status = print(&wav);

    if (ferror(file)) {
        return fail(path, "cannot be read to its end");
    }
    if (status != KWS_OK) {
        return fail(path, status == KWS_NOT_READY ? "the recording is empty"
                                                  : "the built-in model is damaged");
    }
    if (fflush(stdout) || ferror(stdout)) {
        return fail("standard output", "cannot be written");
    }
    return 0;
}

static int open_wav(const char *path, enum kws_status (*print)(struct kws_wav *wav))
{
    FILE *file = fopen(path, "rb");

    if (!file) {
        return fail(path, strerror(errno));
    }
    const int status = read_wav(path, file, print);

    fclose(file);
    return status;
}

int main(int argc, char **argv)
{
    const char *option = argc > 1 ? argv[1] : "";

    if (argc == 2 && strcmp(option, "--help") == 0) {
        fputs(HELP, stdout);
        return 0;
    }
    if (argc == 2 && strcmp(option, "--version") == 0) {
        printf("kws_host %s\n", kws_version());
        return 0;
    }
    if (argc == 3 && strcmp(option, "--columns") == 0) {
        return open_wav(argv[2], print_columns);
    }
    if (argc == 3 && strcmp(option, "--listen") == 0) {
        return open_wav(argv[2], print_detections);
    }
    fputs(HELP, stderr);
    return USAGE;
}
