/**
 * Blocks, one after another, with their threads as fibers: a thread runs until it waits for others,
 * at a barrier of the block or for the lanes of its warp.
 *
 * A report leaves all fibers where they are and ends the launch; the next one starts fresh ones.
 */

#include "block.h"

#include <csetjmp>
#include <sys/mman.h>
#include <ucontext.h>

#include "shadow.h"

namespace braid {
namespace {

constexpr size_t stack_bytes = 256 << 10;
constexpr size_t page = 4096;
constexpr unsigned most_threads = 1024;

enum class State { ready, barrier, warp, done };

struct Thread {
  State state;
  /** Where it waits. */
  int line;
  Collective work;
  const char* work_name;
  unsigned mask;
  void* lane;
  Copies copies;
  bool started;
  ucontext_t start;
  jmp_buf context;
};

Thread threads[most_threads];
char* stacks;
unsigned self;
unsigned thread_count;
dim3 thread_place[most_threads];
dim3 block_place;
unsigned block_number;
uint32_t now = 1;
uint32_t block_start;
uint32_t launch_start;
uint32_t warp_now[most_threads / 32];
int barrier_sum;
int barrier_result;
const Launch* current;
Counts count;
std::string failure;
jmp_buf scheduler;
jmp_buf failed;

/** Lets another thread run. */
void wait_as(State state) {
  threads[self].state = state;
  if (_setjmp(threads[self].context) == 0) _longjmp(scheduler, 1);
}

void live() {
  for (;;) {
    current->entry(current->arguments);
    copies().groups.assign(1, {});
    wait_as(State::done);
  }
}

void resume(unsigned index) {
  Thread& thread = threads[index];
  self = index;
  if (_setjmp(scheduler) != 0) return;
  if (thread.started) _longjmp(thread.context, 1);
  thread.started = true;
  getcontext(&thread.start);
  thread.start.uc_stack.ss_sp = stacks + index * (stack_bytes + page) + page;
  thread.start.uc_stack.ss_size = stack_bytes;
  makecontext(&thread.start, live, 0);
  setcontext(&thread.start);
}

void make_stacks() {
  if (stacks != nullptr) return;
  const size_t bytes = most_threads * (stack_bytes + page);
  const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
  stacks = static_cast<char*>(mmap(nullptr, bytes, PROT_READ | PROT_WRITE, flags, -1, 0));
  for (unsigned i = 0; i < most_threads; i++) {
    mprotect(stacks + i * (stack_bytes + page), page, PROT_NONE);
  }
}

std::string place_of(unsigned index) {
  return "kernel " + current->kernel + ", block " + std::to_string(block_number) + ", thread " +
         std::to_string(index);
}

std::string waiting(const Thread& thread) {
  switch (thread.state) {
    case State::barrier:
      return "waits at the barrier of line " + std::to_string(thread.line);
    case State::warp:
      return std::string("waits for its warp at ") + thread.work_name;
    default:
      return "has ended";
  }
}

/** Ends the launch when `index` waits for `other`, which will never come. */
[[noreturn]] void diverged(unsigned index, unsigned other) {
  failure = place_of(index) + ": " + waiting(threads[index]) + ", but thread " +
            std::to_string(other) + " " + waiting(threads[other]) + ": divergent barrier";
  _longjmp(failed, 1);
}

/** Lets all go on who wait at the barrier, if all do. */
bool open_barrier() {
  for (unsigned i = 0; i < thread_count; i++) {
    if (threads[i].state != State::barrier) diverged(0, i);
    if (threads[i].line != threads[0].line) diverged(0, i);
  }
  for (unsigned i = 0; i < thread_count; i++) threads[i].state = State::ready;
  now++;
  count.barriers++;
  barrier_result = barrier_sum;
  barrier_sum = 0;
  return true;
}

/** Nobody can run: the barrier opens, the block has ended, or somebody waits for ever. */
bool settle() {
  unsigned done = 0;
  for (unsigned i = 0; i < thread_count; i++) {
    if (threads[i].state == State::warp) {
      for (unsigned lane = 0; lane < 32; lane++) {
        const unsigned other = i / 32 * 32 + lane;
        if ((threads[i].mask >> lane & 1) == 0) continue;
        if (other >= thread_count) report("names lanes that its warp does not have");
        const bool together = threads[other].state == State::warp &&
                              threads[other].work == threads[i].work &&
                              threads[other].mask == threads[i].mask;
        if (!together) diverged(i, other);
      }
    }
    if (threads[i].state == State::done) done++;
  }
  if (done == thread_count) return false;
  for (unsigned i = 0; i < thread_count; i++) {
    if (threads[i].state == State::barrier && done > 0) {
      for (unsigned other = 0; other < thread_count; other++) {
        if (threads[other].state == State::done) diverged(i, other);
      }
    }
  }
  return open_barrier();
}

void run_block() {
  block_start = ++now;
  begin_block(current->dynamic_bytes);
  for (unsigned i = 0; i < thread_count; i++) threads[i].state = State::ready;
  do {
    bool progress = true;
    while (progress) {
      progress = false;
      for (unsigned i = 0; i < thread_count; i++) {
        if (threads[i].state != State::ready) continue;
        resume(i);
        progress = true;
      }
    }
  } while (settle());
}

}  // namespace

std::string run(const Launch& launched) {
  current = &launched;
  failure.clear();
  count = {};
  const dim3 block = launched.block;
  thread_count = block.x * block.y * block.z;
  if (thread_count == 0 || thread_count > most_threads) {
    return "kernel " + launched.kernel + ": " + std::to_string(thread_count) + " threads a block";
  }
  if (launched.dynamic_bytes > most_shared_bytes) {
    return "kernel " + launched.kernel + ": " + std::to_string(launched.dynamic_bytes) +
           " bytes of dynamic shared memory, more than any device has";
  }
  make_stacks();
  for (unsigned i = 0; i < thread_count; i++) {
    thread_place[i] = {i % block.x, i / block.x % block.y, i / block.x / block.y};
  }
  launch_start = ++now;
  // What a signal handler or a report leaves is not run on.
  if (_setjmp(failed) == 0) {
    const dim3 grid = launched.grid;
    const unsigned blocks = grid.x * grid.y * grid.z;
    for (block_number = 0; block_number < blocks; block_number++) {
      block_place = {block_number % grid.x, block_number / grid.x % grid.y,
                     block_number / grid.x / grid.y};
      run_block();
    }
  } else {
    for (Thread& thread : threads) {
      thread.started = false;
      thread.copies.groups.assign(1, {});
    }
    barrier_sum = 0;
  }
  current = nullptr;
  return failure;
}

void report(const std::string& what) {
  failure = place_of(self) + ": " + what;
  _longjmp(failed, 1);
}

Counts& counts() { return count; }
unsigned thread_in_block() { return self; }
uint32_t interval() { return now; }
uint32_t warp_interval() { return warp_now[self / 32]; }
uint32_t first_interval_of_block() { return block_start; }
uint32_t first_interval_of_launch() { return launch_start; }
unsigned block_in_grid() { return block_number; }
unsigned threads_in_block() { return thread_count; }
const Launch& launch() { return *current; }
Copies& copies() { return threads[self].copies; }
unsigned lane_index() { return self % 32; }

dim3 thread_index() { return thread_place[self]; }
dim3 block_index() { return block_place; }
dim3 block_size() { return current->block; }
dim3 grid_size() { return current->grid; }

void barrier(int line) {
  threads[self].line = line;
  wait_as(State::barrier);
}

int barrier_count(int line, int predicate) {
  barrier_sum += predicate != 0;
  barrier(line);
  return barrier_result;
}

int barrier_or(int line, int predicate) { return barrier_count(line, predicate) > 0; }

int barrier_and(int line, int predicate) {
  return barrier_count(line, predicate) == int(thread_count);
}

void collective(Collective work, const char* name, unsigned mask, void* lane) {
  const unsigned first = self / 32 * 32;
  if ((mask >> (self - first) & 1) == 0) report(std::string(name) + " by a lane outside its mask");
  Thread& own = threads[self];
  own.work = work;
  own.work_name = name;
  own.mask = mask;
  own.lane = lane;
  void* lanes[32] = {};
  for (unsigned i = 0; i < 32; i++) {
    if ((mask >> i & 1) == 0) continue;
    const Thread& other = threads[first + i];
    const bool is_here = first + i == self || (first + i < thread_count &&
                                               other.state == State::warp &&
                                               other.work == work && other.mask == mask);
    if (!is_here) {
      wait_as(State::warp);
      return;
    }
    lanes[i] = other.lane;
  }
  work(lanes);
  for (unsigned i = 0; i < 32; i++) {
    if (mask >> i & 1) threads[first + i].state = State::ready;
  }
}

void warp_barrier(unsigned mask) {
  // A barrier of some lanes orders less; to take it for none at all is the strict reading.
  const auto pass = [](void* const*) {
    if (threads[self].mask == 0xffffffffu) warp_now[self / 32]++;
  };
  collective(pass, "__syncwarp", mask, &mask);
}

/** Unlike on a device, the lanes that are at this place by chance are never together. */
unsigned active_lanes() { report("asks for the active lanes, which nothing promises"); }

}  // namespace braid
