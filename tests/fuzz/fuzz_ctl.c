/* SPDX-License-Identifier: MIT */
/* A line on the control socket: nothing may crash or leak; what is understood has all that its
 * command needs and nothing that it does not take. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <base/lim.h>

#include "core/ctl_cmd.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ctl_call c = { 0 };
	char err[256] = "";

	if (size > LIM_CTL_LINE)
		return -1;
	if (ctl_call_parse(&c, ctl_cmds, (const char *)data, size, err, sizeof(err)) < 0) {
		if (!*err || c.cmd)
			abort();
		json_decref(ctl_text(err));
		return 0;
	}
	for (unsigned a = 0; a < CTL_ARGS; a++) {
		bool given = c.number[a] != 0 || c.text[a];

		if (c.number[a] < 0)
			abort();

		if (given ? !((c.cmd->needs | c.cmd->takes) & 1u << a) : c.cmd->needs & 1u << a)
			abort();
	}
	if (!c.cmd->run)
		abort();
	ctl_call_done(&c);
	return 0;
}
