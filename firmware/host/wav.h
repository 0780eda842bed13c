/* SPDX-License-Identifier: Apache-2.0 */
/* Mono 16-bit PCM samples out of a WAV file, read from front to back (a pipe will do). */
#ifndef KWS_WAV_H
#define KWS_WAV_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum kws_wav_status {
    KWS_WAV_OK = 0,
    KWS_WAV_NOT_WAVE, /* no RIFF header, or one of something else */
    KWS_WAV_BROKEN,   /* the file ends, or its chunks make no sense, before the samples */
    KWS_WAV_FORMAT,   /* a WAV file, but not of mono 16-bit PCM: see the members */
};

struct kws_wav {
    FILE *file;
    uint32_t rate; /* Hz */
    unsigned channels;
    unsigned bits;
    unsigned encoding; /* 1 is PCM */
    uint32_t left;     /* bytes of samples that are still to come */
};

/* Reads up to the first sample. The file stays the caller's. */
enum kws_wav_status kws_wav_open(struct kws_wav *wav, FILE *file);

/* Reads up to `count` samples; fewer only at the end, which a truncated file has early. */
size_t kws_wav_read(struct kws_wav *wav, int16_t *samples, size_t count);

#endif
