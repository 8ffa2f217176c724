/* SPDX-License-Identifier: 0BSD */
/*
 * The ring of hands: how one writer passes a new set of hands to readers that never wait for it.
 *
 * The writer fills the slot that has been out of use for longest, while `newest` still names a
 * valid one, and then advances `newest`. So a reader that interrupts the writer, at any
 * instruction, finds a valid slot at once. Each slot carries the generation that it belongs to:
 *
 *     writer                              reader
 *     W1 slot.generation = 0              R1 g = newest                  (acquire)
 *     W2 fence: stores | stores           R2 slot.generation == g?       (acquire)
 *     W3 slot.words = ...                 R3 copy slot.words; read the counter
 *     W4 slot.generation = g   (release)  R4 fence: loads, counter | loads
 *     W5 newest = g            (release)  R5 slot.generation == g?
 *                                         R6 newest == g, or of the same epoch?
 *
 * If a reader's copy contains any word of a later W3, it also sees that W1 (W2 pairs with R4), so
 * R5 fails. A reader that passes R2 sees all of its own W3 (W4 pairs with R2). The words are
 * loaded and stored as atomic words [3], so no compiler may tear, repeat or invent an access.
 *
 * Hands of an older generation are as good as the newest, as long as both count the same counter
 * at the same rate: a windup is exact. Anything but a plain windup begins a new epoch, and R6
 * makes a reader retry if its epoch has ended. R6 checks the hands that `newest` names, not a
 * separate word: current hands are valid at every moment, so a reader that interrupts the writer
 * still succeeds.
 */
#include "timecounter/internal.h"
#include "timecounter/port.h"

_Static_assert((TC_HANDS & (TC_HANDS - 1)) == 0 && TC_HANDS >= 2, "TC_HANDS is a power of two");
_Static_assert(sizeof(struct tc_hands) % sizeof(uintptr_t) == 0, "the hands are whole words");

void tc_publish(struct timecounters *set)
{
    uintptr_t generation = set->newest + 1;
    struct tc_slot *slot;

    /* 0 means "none yet"; TC_HANDS maps to the same slot. */
    if (generation == 0)
        generation = TC_HANDS;
    slot = &set->slot[generation % TC_HANDS];

    TIMECOUNTER_STORE(&slot->generation, 0);
    TIMECOUNTER_FENCE_WRITE();
    for (unsigned int i = 0; i < TC_HANDS_WORDS; i++)
        TIMECOUNTER_STORE(&slot->words[i], set->own.words[i]);
    TIMECOUNTER_STORE_RELEASE(&slot->generation, generation);
    TIMECOUNTER_STORE_RELEASE(&set->newest, generation);
}

void tc_publish_epoch(struct timecounters *set)
{
    set->own.hands.epoch++;
    tc_publish(set);
}

/*
 * Copies the hands of a generation, and reads a count if `count` is not null; false if they have
 * been, or are being, overwritten.
 */
static bool tc_copy_hands(const struct timecounters *set, uintptr_t generation,
                          union tc_image *image, uint64_t *count)
{
    const struct tc_slot *slot = &set->slot[generation % TC_HANDS];

    if (TIMECOUNTER_LOAD_ACQUIRE(&slot->generation) != generation)
        return 0;
    for (unsigned int i = 0; i < TC_HANDS_WORDS; i++)
        image->words[i] = TIMECOUNTER_LOAD(&slot->words[i]);
    if (count != NULL)
        *count = tc_read_counter(image->hands.counter);
    TIMECOUNTER_FENCE_READ();
    return TIMECOUNTER_LOAD(&slot->generation) == generation;
}

enum tc_status tc_read_hands(const struct timecounters *set, union tc_image *image, uint64_t *count)
{
    for (unsigned int try = 0; try < TC_TRIES; try++) {
        uintptr_t generation = TIMECOUNTER_LOAD_ACQUIRE(&set->newest);
        uintptr_t later;
        union tc_image newer;

        if (generation == 0)
            return TC_NONE;
        if (!tc_copy_hands(set, generation, image, count))
            continue;
        later = TIMECOUNTER_LOAD_ACQUIRE(&set->newest);
        if (later == generation)
            return TC_OK;
        if (tc_copy_hands(set, later, &newer, NULL) && newer.hands.epoch == image->hands.epoch)
            return TC_OK;
    }
    return TC_BUSY;
}

enum tc_status tc_get_hands(const struct timecounters *set, struct tc_hands *hands)
{
    union tc_image image;
    enum tc_status status;

    if (set == NULL || hands == NULL)
        return TC_NULL;
    status = tc_read_hands(set, &image, NULL);
    if (status != TC_OK)
        return status;
    /* Member by member: assigning the whole structure calls memcpy with some compilers. */
    hands->counter = image.hands.counter;
    hands->epoch = image.hands.epoch;
    hands->count = image.hands.count;
    hands->mask = image.hands.mask;
    hands->hz = image.hands.hz;
    hands->divisor = image.hands.divisor;
    hands->uptime = image.hands.uptime;
    hands->boottime = image.hands.boottime;
    hands->flags = image.hands.flags;
    return TC_OK;
}

const struct timecounter *tc_current(const struct timecounters *set)
{
    union tc_image image;

    return set != NULL && tc_read_hands(set, &image, NULL) == TC_OK ? image.hands.counter : NULL;
}
