/**
 * What is known of each byte that threads share: whether it was written, by whom and when.
 *
 * Device memory is one region with a shadow beside it. Shared arrays have theirs from the moment that
 * a kernel declares them; at the start of a block nothing in them is written.
 */

#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "block.h"

namespace braid {

/** Shared memory of a block on the largest device (sm_90, sm_100). */
constexpr size_t most_shared_bytes = 227 << 10;

/** How far beyond an array or buffer an access is known to miss it. */
constexpr size_t guard_bytes = 256;

/** Device memory, aligned to 256; null where the region is full. Its content is undefined. */
char* device_allocate(size_t bytes);
/** Gives back what `device_allocate` gave; false where it did not. */
bool device_free(char* begin);
/** The bytes from `place` to the end of its allocation; 0 where it is in none. */
size_t device_bytes_at(const char* place);
/** The bytes hold something now. */
void device_written(const char* begin, size_t bytes);
/** What was known of `from` is known of `to`. */
void device_copied(const char* to, const char* from, size_t bytes);

/** The block begins: shared memory is undefined, and has this many bytes by the launch. */
void begin_block(size_t dynamic_bytes);
/** A shared array of this block begins to live: its content is undefined. */
void shared_array(const char* name, const void* begin, unsigned long bytes);
/** Forgets shared arrays, whose library goes away. */
void forget_shared();
/** Static shared memory of the kernel's library: bytes there that no array owns are out of range. */
void shared_section(const char* begin, const char* end);

enum class Access { read, write, atomic };

/** The current thread is about to access these bytes: ends the launch where it must not. */
void check(const void* place, size_t bytes, Access access);
/** An asynchronous copy to shared memory begins or has arrived. */
void copy_begins(const void* place, size_t bytes);
void copy_arrives(const void* place, size_t bytes);

}  // namespace braid
