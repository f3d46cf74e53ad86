/* SPDX-License-Identifier: MIT */
/* The router's tables, step by step (base/db.h). */
#ifndef ROUTER_SCHEMA_H
#define ROUTER_SCHEMA_H

#include <stddef.h>

#include <base/db.h>

extern const struct db_step router_schema[];
extern const size_t router_schema_n;

#endif
