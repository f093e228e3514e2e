/* SPDX-License-Identifier: Apache-2.0 */
/* Judges folders of state/incoming before anything in them is read; see repo_folder.h. */
#include "store/repo_folder.h"

#include <ctype.h>
#include <string.h>

#define ID_MAX 64u

bool ota_repo_id_valid(const char *id) {
    size_t n = strlen(id);
    if (n == 0 || n > ID_MAX || id[0] == '.')
        return false;
    for (size_t i = 0; i < n; i++)
        if (!isalnum((unsigned char)id[i]) && !strchr("-_.", id[i]))
            return false;
    return true;
}
