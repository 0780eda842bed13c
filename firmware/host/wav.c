/* SPDX-License-Identifier: Apache-2.0 */
#include "wav.h"

#include <stdbool.h>
#include <string.h>

enum {
    PCM = 1,
    EXTENSIBLE = 0xfffe, /* the true encoding starts the GUID at the end of the chunk */
    GUID_AT = 24,
    FORMAT_SIZE = 16,
    EXTENSIBLE_SIZE = 40,
};

/* Writers to a pipe do not know the length and put the largest there is. */
static const uint32_t UNKNOWN_LENGTH = 0xffffffffU;

static const uint8_t GUID_TAIL[] = {0x00, 0x00, 0x00, 0x00, 0x10, 0x00, 0x80,
                                    0x00, 0x00, 0xaa, 0x00, 0x38, 0x9b, 0x71};

static unsigned u16(const uint8_t *bytes)
{
    return bytes[0] | (unsigned)bytes[1] << 8;
}

static uint32_t u32(const uint8_t *bytes)
{
    return u16(bytes) | (uint32_t)u16(bytes + 2) << 16;
}

static bool read_bytes(FILE *file, uint8_t *bytes, size_t count)
{
    return fread(bytes, 1, count, file) == count;
}

static bool skip(FILE *file, uint64_t count)
{
    uint8_t bytes[256];

    while (count > 0) {
        const size_t some = count < sizeof bytes ? (size_t)count : sizeof bytes;
        if (!read_bytes(file, bytes, some)) {
            return false;
        }
        count -= some;
    }
    return true;
}

/* Chunks are padded to an even length. */
static uint64_t padded(uint32_t size)
{
    return (uint64_t)size + (size & 1);
}

static enum kws_wav_status read_format(struct kws_wav *wav, uint32_t size)
{
    uint8_t chunk[EXTENSIBLE_SIZE] = {0};
    const uint32_t taken = size < sizeof chunk ? size : (uint32_t)sizeof chunk;

    if (size < FORMAT_SIZE || !read_bytes(wav->file, chunk, taken) ||
        !skip(wav->file, padded(size) - taken)) {
        return KWS_WAV_BROKEN;
    }
    wav->encoding = u16(chunk);
    wav->channels = u16(chunk + 2);
    wav->rate = u32(chunk + 4);
    wav->bits = u16(chunk + 14);
    if (wav->encoding == EXTENSIBLE && size >= EXTENSIBLE_SIZE &&
        memcmp(chunk + GUID_AT + 2, GUID_TAIL, sizeof GUID_TAIL) == 0) {
        wav->encoding = u16(chunk + GUID_AT);
    }
    return KWS_WAV_OK;
}

enum kws_wav_status kws_wav_open(struct kws_wav *wav, FILE *file)
{
    uint8_t head[12];
    bool formatted = false;

    *wav = (struct kws_wav){.file = file};
    if (!read_bytes(file, head, 12) || memcmp(head, "RIFF", 4) || memcmp(head + 8, "WAVE", 4)) {
        return KWS_WAV_NOT_WAVE;
    }
    while (read_bytes(file, head, 8)) {
        const uint32_t size = u32(head + 4);

        if (memcmp(head, "data", 4) == 0) {
            wav->left = size;
            if (!formatted) {
                return KWS_WAV_BROKEN;
            }
            return wav->encoding == PCM && wav->channels == 1 && wav->bits == 16 ? KWS_WAV_OK
                                                                                 : KWS_WAV_FORMAT;
        }
        if (memcmp(head, "fmt ", 4) == 0) {
            if (read_format(wav, size) != KWS_WAV_OK) {
                return KWS_WAV_BROKEN;
            }
            formatted = true;
        } else if (!skip(file, padded(size))) {
            return KWS_WAV_BROKEN;
        }
    }
    return KWS_WAV_BROKEN;
}

size_t kws_wav_read(struct kws_wav *wav, int16_t *samples, size_t count)
{
    size_t taken = 0;
    uint8_t bytes[2];

    while (taken < count && wav->left >= sizeof bytes && read_bytes(wav->file, bytes, 2)) {
        const int32_t value = (int32_t)u16(bytes);

        samples[taken++] = (int16_t)(value < 0x8000 ? value : value - 0x10000);
        if (wav->left != UNKNOWN_LENGTH) {
            wav->left -= 2;
        }
    }
    return taken;
}
