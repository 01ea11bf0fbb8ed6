/** One launch of a kernel on the CPU: what the parts of the runtime know of each other. */

#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "../include/host_types.h"

namespace braid {

/** Memory that a launch may use: a slice of a device buffer, bound to a parameter. */
struct Slice {
  uintptr_t begin;
  size_t bytes;
  bool writable;
  std::string name;
};

struct Launch {
  std::string kernel;
  void (*entry)(void** arguments);
  void** arguments;
  dim3 grid;
  dim3 block;
  size_t dynamic_bytes;
  std::vector<Slice> slices;
};

/** What a launch did, for people who tune kernels. */
struct Counts {
  uint64_t products;
  uint64_t matrix_loads;
  /** Extra turns that matrix loads took since rows lay in the same banks. */
  uint64_t bank_conflicts;
  uint64_t async_copies;
  uint64_t barriers;
};

/** Runs all blocks, one after another; gives what went wrong first, or nothing. */
std::string run(const Launch& launch);

/** The counts of the last launch. */
Counts& counts();

// Below: between the parts only.

struct Copy {
  char* to;
  const char* from;
  int bytes;
  int valid;
};

/** A thread's asynchronous copies: groups not waited for, oldest first; the last one is open. */
struct Copies {
  std::vector<std::vector<Copy>> groups{1};
};

/** The current thread's place in its block. */
unsigned thread_in_block();
/** Counts barriers over all blocks and launches: two accesses with equal numbers are unordered. */
uint32_t interval();
/** Likewise for the warp barriers of the current thread's warp. */
uint32_t warp_interval();
uint32_t first_interval_of_block();
uint32_t first_interval_of_launch();
unsigned block_in_grid();
unsigned threads_in_block();
const Launch& launch();
Copies& copies();

/** Ends the launch with `what` the current thread did. */
[[noreturn]] void report(const std::string& what);

/** What lanes do together: `lanes[i]` is what lane i brought, or null where it takes no part. */
using Collective = void (*)(void* const lanes[32]);
/** Waits until all lanes of `mask` are here, then does it once. */
void collective(Collective work, const char* name, unsigned mask, void* lane);
unsigned lane_index();

}  // namespace braid
