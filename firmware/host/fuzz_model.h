/* SPDX-License-Identifier: Apache-2.0 */
/* A tiny model for the fuzzer, quick under sanitizers: a window and a stream that must agree. */
#ifndef KWS_FUZZ_MODEL_H
#define KWS_FUZZ_MODEL_H

#include "kws.h"

struct fuzz_models {
    struct kws_model window;
    struct kws_model stream;
};

/* The same two at each call. */
const struct fuzz_models *fuzz_models(void);

#endif
