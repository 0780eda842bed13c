/* SPDX-License-Identifier: Apache-2.0 */
/* kws_host: the firmware's detector as a program on this machine. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "frontend.h"
#include "mfcc.h"
#include "ring.h"
#include "wav.h"

enum {
    FAILED = 1,
    USAGE = 2,
    BLOCK = 1000, /* samples read at a time; any number gives the same columns */
};

static const char HELP[] =
    "usage: kws_host --columns FILE.wav\n"
    "\n"
    "  --columns FILE.wav  print the front-end's columns of a mono 16-bit PCM recording,\n"
    "                      one line each, decimal\n"
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

/* Streams the samples through the front-end's stages; KWS_NOT_READY where there are none. */
static enum kws_status stream(struct kws_wav *wav)
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

static int print_columns(const char *path, FILE *file)
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

    const enum kws_status status = stream(&wav);

    if (ferror(file)) {
        return fail(path, "cannot be read to its end");
    }
    if (status != KWS_OK) {
        return fail(path, status == KWS_NOT_READY ? "the recording is empty"
                                                  : "the built-in front-end is damaged");
    }
    if (fflush(stdout) || ferror(stdout)) {
        return fail("standard output", "cannot be written");
    }
    return 0;
}

static int columns_of(const char *path)
{
    FILE *file = fopen(path, "rb");

    if (!file) {
        return fail(path, strerror(errno));
    }
    const int status = print_columns(path, file);

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
        puts("kws_host " KWS_VERSION);
        return 0;
    }
    if (argc == 3 && strcmp(option, "--columns") == 0) {
        return columns_of(argv[2]);
    }
    fputs(HELP, stderr);
    return USAGE;
}
