/* SPDX-License-Identifier: Apache-2.0 */
/* The access point with the upload page. It closes by itself when nobody is there. */
#ifndef APP_SOFTAP_H
#define APP_SOFTAP_H

#include <stdbool.h>

/* Open, or about to close: app_softap_start() does nothing. While it is, a station that goes on looking for its network
 * takes the radio to other channels, and people lose the access point: it should look seldom. */
bool app_softap_is_open(void);
/* It was open when the board was reset: to be opened again, for the page that waits to hear how its update went. */
bool app_softap_was_open(void);

#endif
