/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef MEASURE_VERSION_H
#define MEASURE_VERSION_H

#ifndef DGEN_VERSION /* a release sets it when it builds */
#define DGEN_VERSION "0.1"
#endif

#endif
