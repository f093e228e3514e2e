/* SPDX-License-Identifier: Apache-2.0 */
/* TUF's only date form, without a C library's time functions. */
#include "ota/bytes.h"

/* Days from 1970-01-01 to a date of the proleptic Gregorian calendar (years counted from March, eras of 400 years). */
static uint64_t days_from_date(unsigned y, unsigned m, unsigned d) {
    unsigned shifted = m > 2 ? m - 3 : m + 9;
    unsigned year = m > 2 ? y : y - 1;
    uint64_t era = year / 400, of_era = year % 400;
    uint64_t day = (153 * shifted + 2) / 5 + d - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + day - 719468;
}

static bool digits(struct ota_span t, size_t at, size_t n, unsigned *out) {
    unsigned v = 0;
    for (size_t i = at; i < at + n; i++) {
        if (t.p[i] < '0' || t.p[i] > '9')
            return false;
        v = v * 10 + (unsigned)(t.p[i] - '0');
    }
    *out = v;
    return true;
}

static unsigned days_in_month(unsigned y, unsigned m) {
    static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
    return m == 2 && leap ? 29 : days[m - 1];
}

bool ota_time_parse(struct ota_span t, uint64_t *unix_seconds) {
    unsigned y, mo, d, h, mi, s;
    if (t.len != 20 || t.p[4] != '-' || t.p[7] != '-' || t.p[10] != 'T' || t.p[13] != ':' || t.p[16] != ':' ||
        t.p[19] != 'Z')
        return false;
    if (!digits(t, 0, 4, &y) || !digits(t, 5, 2, &mo) || !digits(t, 8, 2, &d) || !digits(t, 11, 2, &h) ||
        !digits(t, 14, 2, &mi) || !digits(t, 17, 2, &s))
        return false;
    if (y < 1970 || mo < 1 || mo > 12 || d < 1 || d > days_in_month(y, mo) || h > 23 || mi > 59 || s > 59)
        return false;
    *unix_seconds = days_from_date(y, mo, d) * 86400 + h * 3600u + mi * 60u + s;
    return true;
}

void ota_time_format(uint64_t unix_seconds, char out[OTA_TIME_TEXT_MAX]) {
    uint64_t latest = days_from_date(9999, 12, 31) * 86400 + 86399;
    if (unix_seconds > latest)
        unix_seconds = latest;
    uint64_t z = unix_seconds / 86400 + 719468;
    unsigned rest = (unsigned)(unix_seconds % 86400);
    uint64_t era = z / 146097;
    unsigned of_era = (unsigned)(z % 146097);
    unsigned year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    unsigned day_of_year = of_era - (365 * year + year / 4 - year / 100);
    unsigned shifted = (5 * day_of_year + 2) / 153;
    unsigned month = shifted < 10 ? shifted + 3 : shifted - 9;
    unsigned y = (unsigned)(era * 400) + year + (month <= 2);
    ota_format(out, OTA_TIME_TEXT_MAX, "%04u-%02u-%02uT%02u:%02u:%02uZ", y, month,
               day_of_year - (153 * shifted + 2) / 5 + 1, rest / 3600, rest / 60 % 60, rest % 60);
}
