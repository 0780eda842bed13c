/* SPDX-License-Identifier: Apache-2.0 */
/* What a call that can fail returns. */
#ifndef KWS_STATUS_H
#define KWS_STATUS_H

enum kws_status {
    KWS_OK = 0,
    KWS_BAD_ARGUMENT, /* a null pointer or a size that cannot be */
    KWS_NOT_READY,    /* not an error: more samples or columns are needed */
};

#endif
