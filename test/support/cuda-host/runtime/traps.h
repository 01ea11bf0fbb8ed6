/** Kernels that leave all memory there is end with a report, not with the process. */

#pragma once

#include <csignal>

namespace braid {

/** While it lives, a trap of this thread is one of the kernel that it runs; others are as before. */
class Traps {
 public:
  Traps();
  ~Traps();
  Traps(const Traps&) = delete;

 private:
  stack_t stack;
};

}  // namespace braid
