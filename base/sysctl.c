/* SPDX-License-Identifier: 0BSD */
/*
 * The sysctl tree: holds the branches that drivers and kernel register; the command line and the
 * shell find, read and set values in it.
 */
#include "base/sysctl.h"
#include "base/format.h"
#include "base/text.h"

static struct sysctl_branch *first;
static bool sorted;

void sysctl_put(struct sysctl_text *text, const char *f, ...)
{
    va_list args;

    if (text->length + 1 >= text->size)
        return;
    va_start(args, f);
    text->length += format_va(text->to + text->length, text->size - text->length, f, args);
    va_end(args);
}

static struct sysctl_text text_in(char *to, size_t size)
{
    *to = 0;
    return (struct sysctl_text){to, size, 0};
}

/* ---- Places ------------------------------------------------------------ */

void sysctl_register(struct sysctl_branch *branch)
{
    branch->next = first;
    first = branch;
    sorted = false;
}

/* The linker's names for the ends of the section; there is none if no table is linked in. */
extern struct sysctl_branch *const __start_sysctl_tables[] __attribute__((weak));
extern struct sysctl_branch *const __stop_sysctl_tables[] __attribute__((weak));

void sysctl_register_set(void)
{
    for (struct sysctl_branch *const *b = __start_sysctl_tables; b < __stop_sysctl_tables; b++)
        sysctl_register(*b);
}

/*
 * Orders branches by parent and word, alphabetically, so that related values are listed together.
 */
static bool is_after(const struct sysctl_branch *a, const struct sysctl_branch *b)
{
    const char *x = a->parent, *y = b->parent;

    while (*x && *x == *y)
        x++, y++;
    if (*x != *y)
        return (unsigned char)*x > (unsigned char)*y;
    x = a->word ? a->word : "", y = b->word ? b->word : "";
    while (*x && *x == *y)
        x++, y++;
    return (unsigned char)*x > (unsigned char)*y;
}

static void sort(void)
{
    struct sysctl_branch *from = first;

    first = NULL;
    while (from) {
        struct sysctl_branch *branch = from, **at = &first;
        from = from->next;
        while (*at && is_after(branch, *at))
            at = &(*at)->next;
        branch->next = *at;
        *at = branch;
    }
    sorted = true;
}

static uint32_t instances(const struct sysctl_branch *branch)
{
    return branch->numbers ? *branch->numbers : 1;
}

bool sysctl_next(struct sysctl_at *at)
{
    if (!at->branch) {
        /* Sort only now: most runs never list the tree. */
        if (!sorted)
            sort();
        at->branch = first;
    } else if (++at->node < at->branch->nodes + at->branch->count) {
        return true;
    } else if (++at->index < instances(at->branch)) {
        at->node = at->branch->nodes;
        return true;
    } else {
        at->branch = at->branch->next;
    }
    while (at->branch && instances(at->branch) == 0)
        at->branch = at->branch->next;
    if (!at->branch)
        return false;
    at->index = 0;
    at->node = at->branch->nodes;
    return true;
}

/*
 * Returns what follows `words` and its dot in `name`; `name` itself if `words` is empty; NULL if
 * it is another name.
 */
static const char *eat(const char *name, const char *words)
{
    const char *rest = text_behind(name, words);

    if (!*words || !rest)
        return rest;
    return *rest == '.' ? rest + 1 : *rest ? NULL : rest;
}

static const char *eat_number(const char *name, uint32_t *number)
{
    uint32_t value = 0;
    const char *c = name;

    for (; *c >= '0' && *c <= '9' && value < 100000; c++)
        value = value * 10 + (uint32_t)(*c - '0');
    if (c == name || (c - name > 1 && *name == '0') || (*c && *c != '.'))
        return NULL;
    *number = value;
    return *c ? c + 1 : c;
}

bool sysctl_find(const char *name, struct sysctl_at *at)
{
    for (struct sysctl_branch *b = first; b; b = b->next) {
        uint32_t number = 0;
        const char *rest = eat(name, b->parent);
        if (rest && b->word)
            rest = eat(rest, b->word);
        if (rest && b->numbers)
            rest = eat_number(rest, &number);
        if (!rest || number >= instances(b))
            continue;
        for (uint32_t i = 0; i < b->count; i++) {
            if (!text_same(rest, b->nodes[i].name))
                continue;
            *at = (struct sysctl_at){b, number, &b->nodes[i]};
            return true;
        }
    }
    return false;
}

static void put_word(struct sysctl_text *to, const char *word)
{
    if (*word)
        sysctl_put(to, "%s%s", to->length ? "." : "", word);
}

void sysctl_name(const struct sysctl_at *at, char *to)
{
    struct sysctl_text text = text_in(to, SYSCTL_NAME_SIZE);

    put_word(&text, at->branch->parent);
    if (at->branch->word)
        put_word(&text, at->branch->word);
    if (at->branch->numbers)
        sysctl_put(&text, ".%u", at->index);
    put_word(&text, at->node->name);
}

/* ---- Values ------------------------------------------------------------ */

void sysctl_get(const struct sysctl_at *at, char *to)
{
    const struct sysctl *node = at->node;
    struct sysctl_text text = text_in(to, SYSCTL_VALUE_SIZE);

    if (node->get) {
        node->get(at->branch->context, at->index, &text);
        return;
    }
    if (!node->value)
        return;
    switch (node->type) {
    case SYSCTL_INT:
        sysctl_put(&text, "%d", *(const int *)node->value);
        break;
    case SYSCTL_U64:
        sysctl_put(&text, "%lu", *(const uint64_t *)node->value);
        break;
    case SYSCTL_BOOL:
        sysctl_put(&text, "%d", *(const bool *)node->value);
        break;
    case SYSCTL_STRING:
        if (node->choices)
            sysctl_put(&text, "%s", *(const char **)node->value ? *(const char **)node->value : "");
        else
            sysctl_put(&text, "%s", (const char *)node->value);
        break;
    case SYSCTL_OPAQUE:
        break;
    }
}

const char *sysctl_type_name(enum sysctl_type type)
{
    static const char *const names[] = {"integer", "uint64_t", "uint8_t", "string", "opaque"};

    return names[type];
}

static bool has_limits(const struct sysctl *node)
{
    return node->min != 0 || node->max != 0;
}

void sysctl_range(const struct sysctl *node, struct sysctl_text *to)
{
    if (node->type == SYSCTL_BOOL)
        sysctl_put(to, "0 to 1");
    else if (node->type == SYSCTL_STRING && !node->choices)
        sysctl_put(to, "a name");
    else if (node->type == SYSCTL_STRING)
        for (const char *const *c = node->choices; *c; c++)
            sysctl_put(to, "%s%s", c == node->choices ? "" : "|", *c);
    else if (has_limits(node))
        sysctl_put(to, "%ld to %ld", node->min, node->max);
    else if (node->type == SYSCTL_INT)
        sysctl_put(to, "%d to %d", INT32_MIN, INT32_MAX);
    else
        sysctl_put(to, "0 to %lu", UINT64_MAX);
}

/* Parses into `number` or `u64`; a number that does not fit there is out of range. */
static enum sysctl_error read_number(const struct sysctl *node, const char *text,
                                     union sysctl_value *value)
{
    uint64_t magnitude;
    bool negative;

    if (!*text)
        return SYSCTL_EMPTY;
    if (!text_number(text, &negative, &magnitude))
        return SYSCTL_NOT_A_NUMBER;
    if (node->type == SYSCTL_U64 && !has_limits(node)) {
        value->u64 = magnitude;
        return negative && magnitude ? SYSCTL_OUT_OF_RANGE : SYSCTL_OK;
    }
    if (magnitude > INT64_MAX)
        return SYSCTL_OUT_OF_RANGE;
    int64_t number = negative ? -(int64_t)magnitude : (int64_t)magnitude;
    int64_t min = node->min, max = node->max;
    if (node->type == SYSCTL_BOOL)
        min = 0, max = 1;
    else if (!has_limits(node))
        min = INT32_MIN, max = INT32_MAX;
    if (number < min || number > max)
        return SYSCTL_OUT_OF_RANGE;
    if (node->type == SYSCTL_INT)
        value->number = (int)number;
    else if (node->type == SYSCTL_BOOL)
        value->on = number;
    else
        value->u64 = (uint64_t)number;
    return SYSCTL_OK;
}

static enum sysctl_error read_string(const struct sysctl *node, const char *text,
                                     union sysctl_value *value)
{
    value->string = text;
    if (!*text)
        return SYSCTL_EMPTY;
    if (!node->choices)
        return node->max && text_length(text) >= (size_t)node->max ? SYSCTL_TOO_LONG : SYSCTL_OK;
    for (const char *const *c = node->choices; *c; c++) {
        if (text_same(text, *c)) {
            value->string = *c;
            return SYSCTL_OK;
        }
    }
    return SYSCTL_NO_CHOICE;
}

static void store(const struct sysctl *node, const union sysctl_value *value)
{
    switch (node->type) {
    case SYSCTL_INT:
        *(int *)node->value = value->number;
        break;
    case SYSCTL_U64:
        *(uint64_t *)node->value = value->u64;
        break;
    case SYSCTL_BOOL:
        *(bool *)node->value = value->on;
        break;
    case SYSCTL_STRING:
        if (node->choices)
            *(const char **)node->value = value->string;
        else
            format(node->value, (size_t)node->max, "%s", value->string);
        break;
    case SYSCTL_OPAQUE:
        break;
    }
}

enum sysctl_error sysctl_set(const struct sysctl_at *at, const char *text, const char **why)
{
    static const char *const reasons[] = {
        [SYSCTL_OK] = "",
        [SYSCTL_EMPTY] = "empty",
        [SYSCTL_NOT_A_NUMBER] = "not a number",
        [SYSCTL_OUT_OF_RANGE] = "out of range",
        [SYSCTL_NO_CHOICE] = "not one of its values",
        [SYSCTL_TOO_LONG] = "too long",
        [SYSCTL_CANNOT] = "it cannot be set",
    };
    const struct sysctl *node = at->node;
    union sysctl_value value;
    enum sysctl_error error;

    if (node->type == SYSCTL_OPAQUE || !(node->value || node->set))
        error = SYSCTL_CANNOT;
    else if (node->type == SYSCTL_STRING)
        error = read_string(node, text, &value);
    else
        error = read_number(node, text, &value);
    *why = reasons[error];
    if (error)
        return error;
    if (!node->set) {
        store(node, &value);
        return SYSCTL_OK;
    }
    const char *refused = node->set(at->branch->context, at->index, &value);
    if (!refused)
        return SYSCTL_OK;
    *why = refused;
    return SYSCTL_REFUSED;
}
