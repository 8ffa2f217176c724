/* SPDX-License-Identifier: 0BSD */
/* The version of the kernel and its report (SemVer); the library has its own. */
#ifndef CLOCKPAGE_VERSION_H
#define CLOCKPAGE_VERSION_H

#define CLOCKPAGE_VERSION "0.1.0"

#endif
