/* SPDX-License-Identifier: Apache-2.0 */
/* A function of its own, so that its loop has all registers. */
#ifndef KWS_APART_H
#define KWS_APART_H

#ifdef __GNUC__
#define KWS_APART __attribute__((noinline, unused))
#else
#define KWS_APART
#endif

#endif
