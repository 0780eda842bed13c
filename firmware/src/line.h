/* SPDX-License-Identifier: Apache-2.0 */
/* A detection as a line of text, without printf: the twin of `plain` in app/kws/display.py. */
#ifndef KWS_LINE_H
#define KWS_LINE_H

#include <stddef.h>
#include <stdint.h>

#include "status.h"

struct kws_detection; /* kws.h's */

/* Bytes of a line beside its keyword's, at most. */
enum { KWS_LINE_BYTES = 48 };

/*
 * Writes "     1.23 s  yes      0.97" and a NUL to text [size]: the seconds to the end of the
 * column, the keyword, its score. KWS_BAD_ARGUMENT where `size` is less than KWS_LINE_BYTES and
 * the keyword's.
 */
enum kws_status kws_line(const struct kws_detection *detection, uint32_t sample_rate, char *text,
                         size_t size);

#endif
