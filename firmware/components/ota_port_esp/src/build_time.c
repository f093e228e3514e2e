/* SPDX-License-Identifier: Apache-2.0 */
/* When the app was built: the lowest the agent's time can be. */
#include "build_time.h"

#include <string.h>

#include "esp_app_desc.h"
#include "ota/bytes.h"

/* __DATE__ and __TIME__ are the builder's local time, of which the furthest east is 14 h ahead of UTC. A floor that is too
 * high would make good clocks and young metadata look wrong. */
#define FURTHEST_EAST_S (14u * 3600u)

#ifndef OTA_ESP_BUILD_TIME
#define OTA_ESP_BUILD_TIME 0
#endif

static unsigned month_of(const char *name) {
    static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    for (unsigned i = 0; i < 12; i++)
        if (memcmp(name, months[i], 3) == 0)
            return i + 1;
    return 0;
}

/* "Jan  1 2026" and "12:00:00"; both empty in a reproducible build. */
static uint64_t from_descriptor(const esp_app_desc_t *desc) {
    char text[OTA_TIME_TEXT_MAX];
    uint64_t seconds;
    unsigned month = month_of(desc->date);
    char tens = desc->date[4] == ' ' ? '0' : desc->date[4];
    if (month == 0 || memchr(desc->date, '\0', sizeof desc->date) != desc->date + 11 ||
        memchr(desc->time, '\0', sizeof desc->time) != desc->time + 8)
        return 0;
    (void)ota_format(text, sizeof text, "%s-%02u-%c%cT%sZ", desc->date + 7, month, tens, desc->date[5], desc->time);
    return ota_time_parse(ota_span_str(text), &seconds) ? seconds - FURTHEST_EAST_S : 0;
}

uint64_t ota_esp_build_time(void) {
    uint64_t seconds = from_descriptor(esp_app_get_description());
    return seconds ? seconds : OTA_ESP_BUILD_TIME;
}
