/** Signals that kernels cause. */

#include "traps.h"

#include <iterator>
#include <vector>

#include "block.h"

namespace braid {
namespace {

constexpr int signals[] = {SIGSEGV, SIGBUS, SIGFPE};
struct sigaction before[std::size(signals)];
thread_local bool runs_kernels;

void trap(int signal, siginfo_t* info, void* context) {
  if (runs_kernels) {
    report(signal == SIGFPE ? "divides by zero" : "accesses memory that is not there");
  }
  // Another thread's: whoever was asked before is asked.
  for (size_t i = 0; i < std::size(signals); i++) {
    if (signals[i] != signal) continue;
    if (before[i].sa_flags & SA_SIGINFO) return before[i].sa_sigaction(signal, info, context);
    sigaction(signal, &before[i], nullptr);
  }
}

}  // namespace

Traps::Traps() {
  static std::vector<char> memory(64 << 10);
  stack_t own{};
  own.ss_size = memory.size();
  own.ss_sp = memory.data();
  sigaltstack(&own, &stack);
  struct sigaction action {};
  action.sa_sigaction = trap;
  action.sa_flags = SA_ONSTACK | SA_NODEFER | SA_SIGINFO;
  for (size_t i = 0; i < std::size(signals); i++) sigaction(signals[i], &action, &before[i]);
  runs_kernels = true;
}

Traps::~Traps() {
  runs_kernels = false;
  for (size_t i = 0; i < std::size(signals); i++) sigaction(signals[i], &before[i], nullptr);
  sigaltstack(&stack, nullptr);
}

}  // namespace braid
