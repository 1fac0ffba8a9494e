/* SPDX-License-Identifier: GPL-2.0-only */
/* Of the programs and the library; the Makefile reads it from here. */
#ifndef DGEN_VERSION_H
#define DGEN_VERSION_H

#ifndef DGEN_VERSION /* a release sets it when it builds */
#define DGEN_VERSION "0.1"
#endif

#endif
