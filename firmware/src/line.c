/* SPDX-License-Identifier: Apache-2.0 */
#include "line.h"

#include <string.h>

#include "kws.h"

enum {
    TIME_WIDTH = 9,    /* characters, right-aligned, as more where they are needed */
    KEYWORD_WIDTH = 8, /* characters, left-aligned */
    DIGITS = 24,       /* of any uint64_t in hundredths, with the point */
};

/*
 * Whether Python prints `hundredths` and a half as one more: it rounds the double that is nearest
 * to this time, which mostly lies above or below it. The double's fraction has 53 bits.
 */
static int half_rounds_up(uint64_t hundredths)
{
    uint64_t scaled = 2 * hundredths + 1; /* the time in 1 / 200 s, times a power of two */

    while (scaled < UINT64_C(200) << 52) {
        scaled *= 2;
    }
    return scaled % 200 ? scaled % 200 > 100 : hundredths & 1;
}

static uint64_t time_hundredths(uint64_t end, uint32_t sample_rate)
{
    const uint64_t scaled = end % sample_rate * 100;
    const uint64_t below = end / sample_rate * 100 + scaled / sample_rate;
    const uint64_t twice_rest = scaled % sample_rate * 2;

    return below +
           (twice_rest == sample_rate ? (uint64_t)half_rounds_up(below) : twice_rest > sample_rate);
}

/* To the nearest, ties to even. */
static uint64_t score_hundredths(uint8_t score)
{
    const uint32_t below = score * 100U / 256;
    const uint32_t rest = score * 100U % 256;

    return below + (rest > 128 || (rest == 128 && (below & 1)));
}

static char *put_hundredths(char *to, uint64_t hundredths, int width)
{
    char digits[DIGITS];
    int count = 0;

    do {
        digits[count++] = (char)('0' + hundredths % 10);
        hundredths /= 10;
        if (count == 2) {
            digits[count++] = '.';
        }
    } while (hundredths || count < 4);
    for (int i = count; i < width; i++) {
        *to++ = ' ';
    }
    while (count) {
        *to++ = digits[--count];
    }
    return to;
}

static char *put_text(char *to, const char *text)
{
    while (*text) {
        *to++ = *text++;
    }
    return to;
}

/* A character of UTF-8 is a byte and those that continue it. */
static char *put_padded(char *to, const char *text, int width)
{
    for (const char *byte = text; *byte; byte++) {
        width -= (*byte & 0xc0) != 0x80;
    }
    to = put_text(to, text);
    for (; width > 0; width--) {
        *to++ = ' ';
    }
    return to;
}

enum kws_status kws_line(const struct kws_detection *detection, uint32_t sample_rate, char *text,
                         size_t size)
{
    if (!detection || !detection->keyword || sample_rate == 0 || !text || size < KWS_LINE_BYTES ||
        size - KWS_LINE_BYTES < strlen(detection->keyword)) {
        return KWS_BAD_ARGUMENT;
    }
    text = put_hundredths(text, time_hundredths(detection->end, sample_rate), TIME_WIDTH);
    text = put_text(text, " s  ");
    text = put_padded(text, detection->keyword, KEYWORD_WIDTH);
    text = put_text(text, " ");
    text = put_hundredths(text, score_hundredths(detection->score), 0);
    *text = '\0';
    return KWS_OK;
}
