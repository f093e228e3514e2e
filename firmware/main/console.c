/* SPDX-License-Identifier: Apache-2.0 */
/* The command "ota" on the board's console: what operators on site and developers need. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "esp_console.h"
#include "esp_log.h"
#include "sdkconfig.h"

#include "app.h"

#define STACK 6144u /* what is asked of an idle agent is done here */

/* ---- verbs ----------------------------------------------------------------------------------------------- */

static int failed(const struct ota_err *err) {
    printf("ota: %s\n", err->msg);
    return 1;
}

static int misused(const char *what) {
    printf("ota: %s; \"ota help\" lists what there is\n", what);
    return 2;
}

static int status(const char *text) {
    (void)text;
    app_console_status();
    return 0;
}

/* What the agent itself would say to anything that it is asked. */
static bool is_off(void) {
    if (ota_esp_identity()->id)
        return false;
    printf("ota: updates are off on this board: the log says why, at its start\n");
    return true;
}

static int check(const char *text) {
    (void)text;
    if (is_off())
        return 1;
    ota_esp_check();
    printf("looks for an update now\n");
    return 0;
}

static int now(const char *text) {
    (void)text;
    if (is_off())
        return 1;
    ota_esp_install_now();
    printf("looks for an update now, and installs it whatever the window says\n");
    return 0;
}

/* false: not a number of seconds. */
static bool read_seconds(const char *text, uint32_t *out) {
    char *end;
    errno = 0;
    const unsigned long n = strtoul(text, &end, 10);
    *out = (uint32_t)n;
    return text[0] >= '0' && text[0] <= '9' && *end == '\0' && errno == 0 && n <= UINT32_MAX;
}

static int defer(const char *text) {
    struct ota_err err;
    uint32_t seconds = 3600;
    if (text && strcmp(text, "off") == 0)
        seconds = 0;
    else if (text && !read_seconds(text, &seconds))
        return misused("defer wants seconds, or \"off\"");
    if (ota_esp_defer(seconds, &err) != OTA_OK)
        return failed(&err);
    if (seconds)
        printf("updates are put off for %u s\n", (unsigned)seconds);
    else
        printf("updates are not put off\n");
    return 0;
}

/* "-" is what ota_id or the build says. */
static const char *own_or(const char *text) {
    return strcmp(text, "-") == 0 ? "" : text;
}

static int show(const char *what, const char *value) {
    printf("%s: %s\n", what, value && value[0] ? value : "none");
    return 0;
}

static int channel(const char *text) {
    struct ota_err err;
    if (text && ota_esp_set_channel(own_or(text), &err) != OTA_OK)
        return failed(&err);
    return show("channel", ota_esp_identity()->channel);
}

static int group(const char *text) {
    struct ota_err err;
    if (text && ota_esp_set_groups(own_or(text), &err) != OTA_OK)
        return failed(&err);
    return show("groups", ota_esp_identity()->groups);
}

static int help(const char *text);

static const struct verb {
    const char *name, *operand, *summary;
    int (*run)(const char *operand); /* NULL without one */
} verbs[] = {
    {"status", "", "what runs, what is under way and how the last update went", status},
    {"check", "", "look for an update now", check},
    {"now", "", "likewise, and install it outside of the maintenance window", now},
    {"defer", "[SECONDS|off]", "no update for so long (one hour)", defer},
    {"channel", "[NAME|-]", "show or set the channel; -: what the board was given", channel},
    {"group", "[LIST|-]", "show or set the groups, commas between; -: likewise", group},
    {"help", "", "this list", help},
};
#define VERBS (sizeof verbs / sizeof verbs[0])

static int help(const char *text) {
    (void)text;
    for (size_t i = 0; i < VERBS; i++)
        printf("ota %-8s%-14s %s\n", verbs[i].name, verbs[i].operand, verbs[i].summary);
    return 0;
}

/* ---- the command ------------------------------------------------------------------------------------------ */

static int run_verb(const struct verb *v, int argc, char **argv) {
    if (argc > 3 || (argc == 3 && v->operand[0] == '\0'))
        return misused("that is one word too many");
    return v->run(argc == 3 ? argv[2] : NULL);
}

static int command(int argc, char **argv) {
    if (argc < 2)
        return help(NULL);
    for (size_t i = 0; i < VERBS; i++)
        if (strcmp(verbs[i].name, argv[1]) == 0)
            return run_verb(&verbs[i], argc, argv);
    printf("ota: no verb \"%s\"; \"ota help\" lists what there is\n", argv[1]);
    return 2;
}

/* ---- where it is typed ------------------------------------------------------------------------------------ */

#if CONFIG_ESP_CONSOLE_USB_SERIAL_JTAG
static esp_err_t open_repl(const esp_console_repl_config_t *config, esp_console_repl_t **repl) {
    const esp_console_dev_usb_serial_jtag_config_t device = ESP_CONSOLE_DEV_USB_SERIAL_JTAG_CONFIG_DEFAULT();
    return esp_console_new_repl_usb_serial_jtag(&device, config, repl);
}
#elif CONFIG_ESP_CONSOLE_USB_CDC
static esp_err_t open_repl(const esp_console_repl_config_t *config, esp_console_repl_t **repl) {
    const esp_console_dev_usb_cdc_config_t device = ESP_CONSOLE_DEV_CDC_CONFIG_DEFAULT();
    return esp_console_new_repl_usb_cdc(&device, config, repl);
}
#else
static esp_err_t open_repl(const esp_console_repl_config_t *config, esp_console_repl_t **repl) {
    const esp_console_dev_uart_config_t device = ESP_CONSOLE_DEV_UART_CONFIG_DEFAULT();
    return esp_console_new_repl_uart(&device, config, repl);
}
#endif

void app_console_start(void) {
    esp_console_repl_config_t config = ESP_CONSOLE_REPL_CONFIG_DEFAULT();
    const esp_console_cmd_t ota = {
        .command = "ota",
        .help = "Updates: status, check, now, defer, channel, group; \"ota help\" says more",
        .hint = "status|check|now|defer|channel|group",
        .func = command,
    };
    esp_console_repl_t *repl;
    config.prompt = "board>";
    config.task_stack_size = STACK;
    esp_err_t e = open_repl(&config, &repl);
    if (e == ESP_OK)
        e = esp_console_cmd_register(&ota);
    if (e == ESP_OK)
        e = esp_console_start_repl(repl);
    if (e != ESP_OK)
        ESP_LOGW("app", "console: %s", esp_err_to_name(e));
}
